import { load } from "channelwise";
import { expect, test } from "vitest";
import { basicPitchWeights, kokoroVoices, type Tensor } from "../../scripts/data.mjs";
import { add, measure, sqnr } from "../../scripts/report.mjs";

// The SQNR that other quantizers of the same rule found on the same weights, in dB.
test.for([
  { name: "kokoro-js", read: kokoroVoices, tensors: 54, weights: 7_050_240, perChannel: 42.75, perTensor: 33.77 },
  { name: "basic-pitch", read: basicPitchWeights, tensors: 33, weights: 184_870, perChannel: 45.3, perTensor: 45.25 },
])("8 bits of $name: $perChannel dB per channel, $perTensor dB per tensor", async (expected) => {
  const channelwise = await load();
  const tensors: Tensor[] = await expected.read();
  const total = tensors.map((tensor) => measure(channelwise, tensor)).reduce(add);
  expect(tensors).toHaveLength(expected.tensors);
  expect(total.bytesBefore).toBe(4 * expected.weights);
  expect(sqnr(total.signal, total.channelNoise)).toBeCloseTo(expected.perChannel, 2);
  expect(sqnr(total.signal, total.tensorNoise)).toBeCloseTo(expected.perTensor, 2);
});
