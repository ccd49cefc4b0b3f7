// Names come from files that anybody may have made: control characters are written out, and a megabyte is shortened.

import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileOf, safetensorsFile, type TensorToWrite } from "../lib/files/safetensors-file.js";
import { float, modelBytes, node, tensor } from "../lib/onnx/models.js";
import { uniform } from "../lib/random.js";
import { Workplace } from "./command.js";

/**
 * Clears the screen, turns red, names the window, begins a row, turns the text around, and has a control character of 8
 * bits.
 */
const hostile = "\x1b[2J\x1b[31mHACK\x1b]0;title\x07\r\nrow2 \u202eevil\u2028\u009b1A";
const written = "\\u001b[2J\\u001b[31mHACK\\u001b]0;title\\u0007\\u000d\\nrow2 \\u202eevil\\u2028\\u009b1A";

/** Every invisible character except for line ends. */
const unseen = /[^\P{C}\n]|[\u2028\u2029]/u;

let place: Workplace;
const data = uniform("float32", 64 * 64, 1) as Float32Array;
const matrix = (name: string, values = data): TensorToWrite => ({ name, dtype: "F32", shape: [64, 64], data: values });
const names = [`${hostile}.weight`, `${hostile}.other.weight`];

beforeAll(() => {
  place = new Workplace();
  const bias = { name: `${hostile}.bias`, dtype: "F32", shape: [64], data: data.subarray(0, 64) };
  mkdirSync(place.path(hostile));
  const write = (name: string, tensors: TensorToWrite[]) =>
    writeFileSync(place.path(name), fileOf(tensors, { [hostile]: hostile }));
  write("model.safetensors", [...names.map((name) => matrix(name)), bias]);
  write("other.safetensors", [
    matrix(
      names[0],
      data.map((weight) => weight / 2),
    ),
    matrix(`${hostile}.third`),
  ]);
  write(`${hostile}/${hostile}.safetensors`, [matrix(names[0])]);
  write("nan.safetensors", [
    matrix(
      names[0],
      data.map(() => Number.NaN),
    ),
  ]);
  const entry = { dtype: "F32", shape: [1], data_offsets: [0, 5] };
  writeFileSync(place.path("damaged.safetensors"), safetensorsFile({ [hostile]: entry }, new Uint8Array(5)));
  writeFileSync(
    place.path("model.onnx"),
    modelBytes({
      opset: 13,
      graph: {
        input: [float("x", [1, 64])],
        output: [float("y", [1, 64])],
        initializer: [tensor(names[0], [64, 64], data), tensor(hostile, [64], data.subarray(0, 64))],
        node: [node("Gemm", ["x", names[0], hostile], ["y"])],
      },
    }),
  );
});
afterAll(() => place.remove());

const commands: [string, string[]][] = [
  ["inspect", ["inspect", "model.safetensors"]],
  ["inspect of a file with such a name", ["inspect", `${hostile}/${hostile}.safetensors`]],
  ["inspect of an .onnx model", ["inspect", "model.onnx"]],
  ["quantize", ["quantize", "model.safetensors", "--force", "--bits", "4"]],
  ["quantize into a folder with such a name", ["quantize", "other.safetensors", "-o", `${hostile}/x/`, "--force"]],
  ["quantize of a file with such a name", ["quantize", `${hostile}/${hostile}.safetensors`, "--force"]],
  ["quantize of an .onnx model", ["quantize", "model.onnx", "--force"]],
  ["--dry-run", ["quantize", "model.safetensors", "--dry-run"]],
  ["patterns that match nothing", ["quantize", "model.safetensors", "--measure", "--exclude", hostile]],
  ["compare", ["compare", "model.safetensors", "other.safetensors", "--min-sqnr", "30"]],
];

const failing: [string, string[]][] = [
  ["weights that are not finite", ["quantize", "nan.safetensors", "-o", `${hostile}.safetensors`]],
  ["a damaged file", ["inspect", "damaged.safetensors"]],
  ["a file that is not there", ["inspect", `${hostile}.npy`]],
  ["a folder of several models", ["quantize", "."]],
  ["no command", [hostile]],
  ["a wrong option", ["quantize", "model.safetensors", `--${hostile}`]],
  ["a wrong value", ["quantize", "model.safetensors", "--bits", hostile]],
  ["nothing to do", ["quantize", `${hostile}/${hostile}.safetensors`, "--exclude", "*"]],
  ["an output that exists", ["quantize", "model.safetensors", "-o", `${hostile}/${hostile}.safetensors`]],
  ["a wrong output", ["quantize", "model.safetensors", "-o", `${hostile}.exe`]],
];

describe("names of a file are shown in one line, and obey nobody", () => {
  it.each([...commands, ...failing])("%s", async (_, args) => {
    const { stdout, stderr } = await place.run(...args);
    expect(stdout + stderr).not.toMatch(unseen);
    expect(stdout + stderr).not.toMatch(/^row2/m);
    if (!args.includes(".")) expect(stdout + stderr).toContain(written);
  });

  it.each(commands)("%s on a terminal", async (_, args) => {
    const { stdout, stderr } = await place.runOn({ isTerminal: true, columns: 200, hasColors: false }, args);
    // The bar's own control characters.
    const said = (stdout + stderr)
      .replaceAll("\r\x1b[K", "")
      .replaceAll("\x1b[K", "")
      .replaceAll(/\r(?=━|─)/g, "");
    expect(said).not.toMatch(unseen);
    expect(said).not.toMatch(/^row2/m);
  });

  it("and JSON has them whole", async () => {
    const { files } = await place.json("quantize", "model.safetensors", "--force");
    expect(files[0].tensors.map(({ tensor }: { tensor: string }) => tensor).sort()).toEqual(
      [...names, `${hostile}.bias`].sort(),
    );
    const { stdout } = await place.run("quantize", "nan.safetensors", "-o", "out.safetensors", "--json");
    expect(JSON.parse(stdout).error.tensor).toBe(names[0]);
  });
});

describe("a name of a megabyte", () => {
  const long = `${"a".repeat(2 ** 19)}b${"c".repeat(2 ** 19)}.weight`;
  beforeAll(() => {
    const others = Array.from({ length: 1000 }, (_, i) => matrix(`layers.${i}.weight`));
    writeFileSync(place.path("long.safetensors"), fileOf([matrix(long), ...others]));
    writeFileSync(
      place.path("long-nan.safetensors"),
      fileOf([
        matrix(
          long,
          data.map(() => Number.NaN),
        ),
      ]),
    );
  });

  it.each([
    ["inspect"],
    ["quantize", "--force"],
    ["quantize", "--dry-run"],
    ["compare", "long.safetensors", "--min-sqnr", "90"],
  ])("is shortened by %s", async (command, ...args) => {
    const { stdout, stderr } = await place.run(command, "long.safetensors", ...args);
    expect((stdout + stderr).length).toBeLessThan(1_000_000);
    if (!args.includes("--min-sqnr")) expect(stdout + stderr).toMatch(/a{50}…c{40,}\.weight/);
  });

  it("is shortened in messages", async () => {
    const { code, stderr } = await place.run("quantize", "long-nan.safetensors");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^channelwise: tensor a{100}…c{93}\.weight: weights\[0\] \(channel 0\) is NaN; /m);
  });

  it("is whole in JSON", async () => {
    const { files } = await place.json("quantize", "long.safetensors", "--force");
    expect(files[0].tensors.map(({ tensor }: { tensor: string }) => tensor)).toContain(long);
  });
});
