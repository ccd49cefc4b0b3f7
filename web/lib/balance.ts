export { balance, type GroupedResult } from "./balance/balance.js";
export type { Granularity, TotalErrors } from "./core/types.js";
