import type { ByteSink } from "channelwise/files";
import type { Description, Errors, Form, Plan, Planned, Rules, Setting, Unmeasurable } from "../protocol.js";

/** How a task goes on. */
export interface Course {
  readonly signal: AbortSignal;
  /** Told how many bytes of the model are done. */
  readonly onProgress: (progress: { tensor: string; done: number; total: number }) => void;
}

/** Some of a tensor's weights. */
export interface Weights {
  readonly values: Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
  readonly shape: readonly number[];
}

/** A model of any format. */
export interface OpenedModel {
  readonly description: Description;
  plan(rules: Rules): Plan;
  /** What a tensor would become. */
  alternative(tensor: number, setting: Setting, form: Form): Planned;
  measure(tensor: number, setting: Setting, form: Form, course: Pick<Course, "signal">): Promise<Errors | Unmeasurable>;
  /** At most so many weights: of a larger tensor as many of its first rows as fit. */
  weights(tensor: number, most: number): Promise<Weights>;
  /** Writes one file into each sink, in the order of the plan's names. Gives what goes into a config.json. */
  write(rules: Rules, sinks: readonly ByteSink[], course: Course): Promise<{ byteLength: number; config?: string }>;
}
