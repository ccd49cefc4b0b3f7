import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Workplace } from "./command.js";

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  writeFileSync(place.path("weights.csv"), "# by hand\n,a,b\nx,0.5,1\ny,2,-0.25\n");
  writeFileSync(place.path("same.json"), '{"weights": [[0.5, 1], [2, -0.25]]}');
});
afterAll(() => place.remove());

describe("how a text was understood", () => {
  const notes = [
    "It is read as 2 × 2, separated by commas.",
    "“# by hand” in line 1 was passed over as a comment.",
    "Line 2 names the columns (a, b).",
    "Column 1 names the rows (x, y).",
  ];
  const line = `weights.csv: ${notes.join(" ")}\n`;

  it.each([
    ["inspect", []],
    ["quantize", ["--include", "*", "--dry-run"]],
    ["quantize", ["--include", "*", "--measure"]],
    ["quantize", ["--include", "*", "-o", "out.safetensors", "--force"]],
  ])("is said in one line by %s %j", async (command, options) => {
    const { code, stderr } = await place.run(command, "weights.csv", ...options);
    expect({ code, stderr }).toEqual({ code: 0, stderr: line });
  });

  it("is said of both by compare", async () => {
    const { code, stdout, stderr } = await place.run("compare", "weights.csv", "same.json");
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("no name is in both") });
    writeFileSync(place.path("weights.json"), '{"weights": [[0.5, 1], [2, -0.25]]}');
    const same = await place.run("compare", "weights.csv", "weights.json");
    expect(same.stderr).toBe(`${line}weights.json: It is read as 2 × 2, nested arrays.\n`);
    expect(same.stdout).toMatch(/^1 tensor the same/);
    expect(stdout).toBe("");
  });

  it("is in the JSON", async () => {
    expect(await place.json("inspect", "weights.csv")).toMatchObject({ notes });
    expect(await place.json("quantize", "weights.csv", "--measure", "--include", "*")).toMatchObject({
      files: [{ notes }],
    });
  });

  it("has no characters that a terminal obeys", async () => {
    writeFileSync(place.path("hostile.csv"), "\x1b[31mred,\u202eb\n1,2.5\n");
    const { stderr } = await place.run("inspect", "hostile.csv");
    expect(stderr).toBe(
      "hostile.csv: It is read as 1 × 2, separated by commas. Line 1 names the columns ( [31mred,  b).\n",
    );
  });
});

describe("a text that is no matrix", () => {
  it.each([
    ["na.csv", "#N/A,1,2\n1,2,3\n", "na.csv, byte 0: Line 1, column 1: “#N/A” is not a number."],
    ["german.csv", "1,5\t2.5\n", "german.csv, byte 4: Line 1, column 2: “2.5” and “1,5” are not written in one way."],
    [
      "config.json",
      '{"hidden_size": 4, "layers": [1]}',
      "config.json, byte 19: Line 1: this object is not one array; give an array alone, such as [[1, 2], [3, 4]]. " +
        "It is an object without a weight_map (an index of .safetensors) or weightsManifest (TensorFlow.js), too.",
    ],
  ])("is refused by line and column: %s", async (name, text, message) => {
    writeFileSync(place.path(name), text);
    const { code, stderr } = await place.run("inspect", name);
    expect({ code, stderr }).toEqual({ code: 1, stderr: `channelwise: ${message}\n` });
  });
});
