// A worker as a user's own file makes one, which fails when it is told so.

import { serve } from "channelwise/worker";

serve();

const port = globalThis.process?.getBuiltinModule("node:worker_threads").parentPort ?? globalThis;
port.addEventListener("message", (event) => {
  const { data } = /** @type {MessageEvent} */ (event);
  if (data === "exit") process.exit(3);
  if (data === "throw") throw new Error("out of luck");
});
