import { load } from "channelwise";
import { describe, expect, it } from "vitest";
import { referenceJson } from "../../web/demo/reference-json.js";
import golden from "./golden.jsonl?raw";
import { matrixFromHex } from "./hex-floats.js";
import { expectReferenceAnswer, parseAnswers } from "./reference-answer.js";

const answers = parseAnswers(golden);
const channelwise = await load();

describe("the values reference.py gave", () => {
  it.each(answers.map((answer, line) => ({ line: line + 1, answer })))("line $line", ({ answer }) => {
    expectReferenceAnswer(channelwise, answer);
  });

  it("make the dictionary it returns, rounding included", () => {
    for (const { rows, bits, dictionary } of answers) {
      const result = channelwise.quantize(matrixFromHex(rows), { bits, dequantize: true });
      expect(JSON.parse(referenceJson(result))).toEqual(dictionary);
    }
  });

  it("come as a number[][] and as a Float64Array", () => {
    for (const { rows, bits } of answers) {
      const matrix = matrixFromHex(rows);
      const nested = channelwise.quantize(matrix, { bits });
      const flat = channelwise.quantize(Float64Array.from(matrix.flat()), { bits, shape: nested.shape });
      expect(flat).toEqual(nested);
    }
  });
});
