import type { Metric } from "channelwise/embeddings";
import type { RecallReport, RecallSetting } from "channelwise/recall";
import type { Source } from "../protocol.js";

/** How far the measuring is, in settings. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

/** A setting as the page names it: the worker has the ranges. */
export interface Setting extends Omit<RecallSetting, "scaling"> {
  readonly scaling?: "ranges" | "group";
}

export interface Measured extends Omit<RecallReport, "setting"> {
  readonly setting: Setting;
}

/** The questions to the worker about the rows of a matrix, each of which is a vector. */
export interface EmbeddingQuestions {
  measure: {
    given: { readonly source: Source; readonly metric: Metric };
    answer: { readonly measured: readonly Measured[]; readonly vectors: number; readonly queries: number };
  };
  /** An index of all vectors of what was measured last, and their ranges where it has any. */
  save: { given: Setting; answer: { readonly index: Blob; readonly ranges: Blob | undefined } };
}
