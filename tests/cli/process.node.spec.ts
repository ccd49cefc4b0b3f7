import { afterEach, beforeEach, expect, it } from "vitest";
import { Workplace } from "./command.js";
import { writeModel } from "./models.js";

let place: Workplace;
beforeEach(async () => {
  place = new Workplace();
  writeModel(place.path("model.safetensors"));
  await place.json("quantize", "model.safetensors", "--bits", "4", "-o", "int4.safetensors");
});
afterEach(() => place.remove());

// The other specs run commands without a process.
it.each<[number, string]>([
  [0, "quantize model.safetensors -o out.safetensors --force"],
  [0, "quantize model.safetensors -o out.safetensors --force --json"],
  [1, "quantize model.safetensors -o int4.safetensors"],
  [0, "inspect model.safetensors"],
  [3, "compare model.safetensors int4.safetensors --min-sqnr 60"],
  [0, "dequantize int4.safetensors -o out.safetensors --force"],
  [1, "embeddings missing.npy --report"],
  [2, "quantize model.safetensors --bits 17"],
  [2, ""],
  [0, "--version"],
  [0, "split --help"],
])("a process ends with exit code %i and says what is said here: %s", async (code, line) => {
  const args = line.split(" ").filter((word) => word !== "");
  const here = await place.run(...args);
  const files = place.list();
  expect(here.code).toBe(code);
  expect(await place.runProcess(...args)).toEqual(here);
  expect(place.list()).toEqual(files);
});
