import { load } from "channelwise";
import { expect, it } from "vitest";
import { trialsOf } from "../../web/demo/worker/trials.js";
import { uniform } from "../lib/random.js";

it("finds among the scales that the page draws as tried the codes of the search", async () => {
  const channelwise = await load();
  for (const bits of [2, 3, 4, 6]) {
    const scales = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const weights = uniform("float64", 32, seed).map((weight) => weight ** 3) as Float64Array;
      const options = { granularity: "tensor", bits, dequantize: true } as const;
      const max = channelwise.quantize(weights, options).scales[0];
      const search = channelwise.quantize(weights, { ...options, scales: "search" });
      const sign = Math.sign(search.scales[0]);
      const codesWith = (scale: number) =>
        Array.from(weights, (weight) =>
          Math.max(-(2 ** (bits - 1)), Math.min(2 ** (bits - 1) - 1, Math.round(weight / scale))),
        ).join();
      // The scale of the search is the best one for the codes of a trial, which are rounded a little otherwise.
      for (const part of trialsOf(weights, bits).trials) scales.add(codesWith(part * max * sign));
      scales.add(codesWith(max));
      expect.soft(scales, `${bits} bits, seed ${seed}`).toContain(search.quantized.join());
    }
  }
});
