import { load } from "channelwise";

const loading = load();

addEventListener("message", async ({ data: { weights, shape } }) => {
  const channelwise = await loading;
  const { quantized, scales, sqnr } = channelwise.quantize(weights, { shape });
  postMessage({ quantized, scales, sqnr }, [quantized.buffer, scales.buffer]);
});
