// wrangler compiles the module when it deploys; the worker itself may not compile any. POST rows of numbers as JSON.

import module from "channelwise/channelwise.wasm";
import { load } from "channelwise/slim";

const loading = load({ wasm: module });

export default {
  async fetch(request) {
    try {
      const { quantized, scales, sqnr } = (await loading).quantize(await request.json());
      return Response.json({ quantized: [...quantized], scales: [...scales], sqnr });
    } catch (error) {
      return new Response(error.message, { status: 400 });
    }
  },
};
