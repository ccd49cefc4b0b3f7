export { serve } from "./workers/serve.js";
