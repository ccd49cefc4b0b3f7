export { FormatError, NonFiniteError } from "./core/errors.js";
export type * from "./core/types.js";
export {
  type CourseOptions,
  load,
  type ParallelChannelwise,
  type ParallelDequantizeOptions,
  type ParallelLoadOptions,
  type ParallelQuantizeOptions,
} from "./workers/parallel-channelwise.js";
export type { WorkerLike } from "./workers/start.js";
