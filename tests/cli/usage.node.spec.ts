import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Workplace } from "./command.js";
import { writeModel } from "./models.js";

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  writeModel(place.path("model.safetensors"));
});
afterAll(() => place.remove());

describe("a wrong command line ends with exit code 2 and says what would be right", () => {
  it.each<[string, string]>([
    ["quantise model.safetensors", "there is no command quantise; did you mean quantize?"],
    ["frobnicate", "The commands are quantize, inspect, compare, dequantize, embeddings, split, join, page."],
    ["--versoin", "there is no option --versoin; did you mean --version?"],
    ["quantize model.safetensors --granularty tensor", "no option --granularty; did you mean --granularity?"],
    ["quantize model.safetensors --gran tensor", "no option --gran; did you mean --granularity?"],
    ["quantize model.safetensors -x", "quantize has no option -x\nIts options are --output, --dialect"],
    ["inspect model.safetensors --bits 4", "inspect has no option --bits\nIts options are --json, --help."],
    ["quantize model.safetensors --force=yes", "--force takes no value, and yes is given"],
    ["quantize model.safetensors --bits", "--bits needs a value: bits of a code"],
    ["quantize model.safetensors --bits --force", "--bits needs a value"],
    ["quantize model.safetensors --bits 17", "--bits is 17; it must be an integer from 2 to 16"],
    ["quantize model.safetensors --balance=yes", "--balance takes no value, and yes is given"],
    ["quantize model.safetensors --bits eight", "--bits is eight; it must be an integer from 2 to 16"],
    ["quantize model.safetensors --bits 4 --dialect comfyui", "--bits is 4; the dialect"],
    ["quantize model.safetensors --axis 0.5", "--axis is 0.5; it must be an integer from -64 to 63"],
    ["quantize model.safetensors --dialect comfy-ui", "compressed-tensors-w8a8, npz; did you mean comfyui?"],
    ["quantize model.safetensors --granularity chanel", "group:N, group:N@AXIS; did you mean channel?"],
    ["quantize model.safetensors --granularity group:0", "--granularity group is 0; it must be an integer from 1 to"],
    [
      "quantize model.safetensors --override lm_head",
      "must be PATTERN=BITS,AXIS,GRANULARITY,SCALES,ZERO-POINTS,BALANCE or",
    ],
    [
      "quantize model.safetensors --override *=4,0,channel,max,zero-points,balance,x",
      "has more than BITS,AXIS,GRANULARITY,SCALES,ZERO-POINTS,BALANCE after the =",
    ],
    [
      "quantize model.safetensors --override *=4,0,channel,max,zero",
      "--override *=4,0,channel,max,zero: zero points is zero; it must be one of zero-points, symmetric",
    ],
    [
      "quantize model.safetensors --override *=,,,,,even",
      "--override *=,,,,,even: balance is even; it must be one of balance, nearest",
    ],
    ["quantize model.safetensors --override *=99", "--override *=99: bits is 99; it must be an integer from 2 to 16"],
    ["quantize model.safetensors --shard 0/4", "--shard is 0/4; it must be K/N with K from 1 to N, such as 3/16"],
    ["quantize model.safetensors --shard 5/4", "--shard is 5/4; it must be K/N"],
    ["quantize model.safetensors --shard 1/4 -o x.safetensors", "with --shard it must be a folder"],
    ["quantize model.safetensors --shard 1/4 --dialect npz", "--shard writes .safetensors files"],
    ["quantize model.safetensors --threads 65", "--threads is 65; it must be an integer from 1 to 64"],
    [
      "quantize model.safetensors -o model.npy",
      "with the dialect plain its name must end with .safetensors, or with .npz for the dialect npz",
    ],
    ["quantize model.safetensors -o model.npz --dialect plain", "its name must end with .safetensors\n"],
    ["quantize model.safetensors --axis 3", "none of its tensors would be quantized; --axis 3 must fit their shapes"],
    ["quantize model.safetensors --granularity group:33", "; --granularity group:33 must fit their shapes"],
    ["quantize model.safetensors --override *=,3", "; --override must fit their shapes\n  keep  6 tensors"],
    ["quantize model.safetensors -o ./model.safetensors --force", "is the input model.safetensors"],
    ["quantize model.safetensors --dry-run --measure", "--dry-run and --measure exclude each other; give one of them"],
    ["quantize model.safetensors -o -", "-o is -, but nothing is written to standard output; give a file or ./-"],
    ["quantize model.safetensors --output=", "-o is empty text; give a file or a folder"],
    ["inspect -", "- is given, but standard input is not read; save it to a file"],
    ["quantize", "quantize takes at least 1 (IN... [-o OUT]), and none is given"],
    ["dequantize model.safetensors -o out.npz", "-o is out.npz; its name must end with .safetensors"],
    ["dequantize model.onnx -o out.safetensors", "-o is out.safetensors; its name must end with .onnx"],
    ["compare model.safetensors", "compare takes 2 (A B), and 1 is given"],
    ["compare model.safetensors model.safetensors --min-sqnr high", "--min-sqnr is high; it must be a number"],
    ["compare model.safetensors model.safetensors --min-sqnr 0x1E", "--min-sqnr is 0x1E; it must be a number"],
    ["compare model.safetensors model.safetensors --max-error=-1", "--max-error is -1; it must be a number from 0 up"],
    ["quantize model.safetensors --fit 0MB", "--fit is 0MB; it must be more than 0"],
  ])("%s", async (line, message) => {
    const { code, stdout, stderr } = await place.run(...line.split(" "));
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(place.list()).toEqual(["model.safetensors"]);
  });

  it("shows the commands where none is given", async () => {
    const { code, stderr } = await place.run();
    expect(code).toBe(2);
    expect(stderr).toMatch(/^Usage: channelwise COMMAND/m);
  });

  it("says it in JSON too", async () => {
    const { code, stdout } = await place.run("quantize", "model.safetensors", "--bits", "1", "--json");
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      command: "quantize",
      error: { name: "UsageError", message: "--bits is 1; it must be an integer from 2 to 16" },
    });
  });
});

it("shows its version", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(await place.run("--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
});

it.each(["quantize", "inspect", "compare", "dequantize", "join"])(
  "shows the help of %s, in lines of 80 columns",
  async (command) => {
    for (const args of [
      [command, "--help"],
      ["-h", command],
    ]) {
      const { code, stdout, stderr } = await place.run(...args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(`Usage: channelwise ${command}`);
      expect(stdout).toContain("Exit codes: 0 done, 1 failed, 2 wrong usage, 3");
      expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
    }
  },
);

it("explains every option that it takes", async () => {
  const { stderr } = await place.run("quantize", "-x");
  const { stdout } = await place.run("quantize", "--help");
  const options = stderr.match(/--[a-z-]+(?=[,.])/g) ?? [];
  expect(options.length).toBeGreaterThan(10);
  for (const option of options) expect(stdout).toMatch(new RegExp(`^ .*${option}\\b.*\\S`, "m"));
});
