// Import maps are for pages, not for their workers.
// @ts-expect-error there once the package is installed
import { serve } from "./node_modules/channelwise/dist/worker.js";

serve();
