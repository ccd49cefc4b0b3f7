// A worker as a user's own file makes one, which fails when it hears so.

import { serve } from "channelwise/worker";

serve();

new BroadcastChannel("failing-worker").onmessage = ({ data }) => {
  if (data === "exit") process.exit(3);
  throw new Error("out of luck");
};
