/** The messages between the page and its worker. The weights and whole results stay in the worker. */

import type { ScaleRule } from "channelwise";
import type { Window } from "./matrix.js";

export type Arithmetic = "float64" | "float32";

export type Source =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "file"; readonly file: File; readonly of?: TensorOfModel }
  | { readonly kind: "sample"; readonly name: string; readonly url: string };

/** The model that weights were taken from. */
export interface TensorOfModel {
  /** The name of the file that was opened. */
  readonly model: string;
  readonly isOnnx: boolean;
  readonly tensor: string;
  /** The part of the tensor that they are; undefined for all of it. */
  readonly part: string | undefined;
}

export type GranularityName = "channel" | "tensor" | "group";

export interface Settings {
  readonly bits: number;
  /** The rule for scales. */
  readonly rule: ScaleRule;
  readonly zeroPoints: boolean;
  readonly granularity: GranularityName;
  /** The channel axis. */
  readonly axis: number;
  /** The group size, and the axis along which groups lie. */
  readonly group: number;
  readonly along: number;
  /** The arithmetic for numbers read from text. Binary files have a type of their own. */
  readonly arithmetic: Arithmetic;
}

export interface Opened {
  /** The base name of files made from it. */
  readonly name: string;
  readonly shape: readonly number[];
  /** A description of the source, e.g. "separated by commas". */
  readonly layout: string;
  /** Sentences on what was taken for names and comments in a text, and on what could be misread. */
  readonly notes: readonly string[];
  /** The type that the file stores; undefined for numbers read from text. */
  readonly stored: Arithmetic | undefined;
}

/** The errors and sizes for one choice of settings. */
export interface Cost {
  readonly mse: number;
  readonly maxError: number;
  readonly sqnr: number;
  readonly scales: number;
  /**
   * The bytes of the integers as channelwise returns and the page saves them: one byte each up to 8 bits, two above.
   */
  readonly codeBytes: number;
  /** The bytes of the integers if each takes only its bits. */
  readonly packedBytes: number;
  /** The bytes of scales, and of zero points where there are any. */
  readonly scaleBytes: number;
  /** The same where a zero point takes its bits alone. */
  readonly packedScaleBytes: number;
}

/** The errors and sizes of one granularity, and what it preserves. */
export interface Assessment extends Cost {
  readonly granularity: GranularityName;
  /** The channel with the lowest SQNR. */
  readonly worst: { readonly channel: string; readonly sqnr: number };
}

export interface Summary {
  readonly shape: readonly number[];
  readonly arithmetic: Arithmetic;
  readonly weightBytes: number;
  readonly settings: Settings;
  /** The number of channels along the axis. */
  readonly channels: number;
  /** The names of the channels, where they have any. */
  readonly channelNames: readonly string[] | undefined;
  /** The assessments per channel, per tensor, and with groups if they are chosen. */
  readonly assessments: readonly Assessment[];
  /** The largest |value| of each map. */
  readonly limits: Readonly<Record<MapName, number>>;
  /** The channel that loses most dB with one scale for all. */
  readonly mostGained: number;
}

/** The pictures of the matrix: a colour for each cell. */
export const mapNames = ["weights", "quantized", "errors"] as const;
export type MapName = (typeof mapNames)[number];

/** A map reduced to a grid. Where several cells share a place, it has the value farthest from 0. */
export interface Grid {
  readonly window: Window;
  readonly rows: number;
  readonly columns: number;
  /** The values, row by row. */
  readonly values: Float64Array;
  /** The names of the window's rows and columns, where there are few. */
  readonly rowNames: readonly string[] | undefined;
  readonly columnNames: readonly string[] | undefined;
}

export type Table = "quantized" | "dequantized" | "errors" | "weights";

export interface Cells {
  readonly values: Float64Array;
  readonly rowNames: readonly string[];
  readonly columnNames: readonly string[];
}

/** One weight with the steps of the formula. */
export interface Cell {
  readonly index: number;
  /** Its place in words, e.g. "edges, w3" or "[0, 3]". */
  readonly name: string;
  readonly channel: number;
  readonly channelName: string;
  readonly weight: number;
  /** The weight of the largest magnitude among those that share the scale. */
  readonly largest: { readonly value: number; readonly name: string };
  /** The number of weights that share the scale. */
  readonly sharing: number;
  readonly scale: number;
  /** The integer that stands for 0; undefined where there are no zero points. */
  readonly zeroPoint: number | undefined;
  /** The least of the weights that share the scale, and the largest; with zero points they reach to 0. */
  readonly range: readonly [least: number, most: number];
  /** Weight / scale in the arithmetic of the weights, before it is rounded. */
  readonly quotient: number;
  readonly quantized: number;
  readonly dequantized: number;
  readonly error: number;
}

/** A scale for some weights, and their mean squared error with it, in the unit of ScaleErrors. */
export interface TriedScale {
  readonly scale: number;
  readonly mse: number;
}

/** The mean squared error of the weights that share a scale, over the scales that they could have. */
export interface ScaleErrors {
  /** The number of these weights. */
  readonly count: number;
  /** The error of every so-manieth weight is drawn, since all would take too long. */
  readonly every: number;
  /** The integer that stands for 0 with all these scales; undefined where there are no zero points. */
  readonly zeroPoint: number | undefined;
  /** A power of two: scales are in this unit, and squared errors in its square. */
  readonly unit: number;
  /** The scale of the largest |weight|, that of the search, and the chosen one. */
  readonly max: TriedScale;
  readonly search: TriedScale;
  readonly chosen: TriedScale;
  /** The |scales| of the curves, as parts of the scale of the largest |weight|. */
  readonly parts: Float64Array;
  /** The error with each of them, and with its negative. */
  readonly positive: Float64Array;
  readonly negative: Float64Array;
  /** The |scales| that the search tries, as such parts. */
  readonly trials: Float64Array;
}

/** The order of channels: by index, the lowest SQNR first, or the largest range first. */
export type ChannelOrder = "index" | "worst" | "range";

/** The bars of a picture, each for one or a few channels. */
export interface Bars {
  readonly channels: number;
  readonly channelsPerBar: number;
  /** The names of the bars. */
  readonly names: readonly string[];
  /** The first channel of every bar. */
  readonly first: Uint32Array;
  /** The largest and the smallest range of the bar's channels. */
  readonly highest: Float64Array;
  readonly lowest: Float64Array;
  /** The worst SQNR of the bar's channels with a scale for each channel, with one scale for all, and with groups. */
  readonly channel: Float64Array;
  readonly tensor: Float64Array;
  readonly group: Float64Array | undefined;
}

/** The error figures of some channels, groups, or the tensor. */
export interface ScaleRows {
  readonly names: readonly string[];
  readonly scales: Float64Array;
  readonly zeroPoints: Float64Array | undefined;
  readonly mse: Float64Array;
  readonly maxError: Float64Array;
  readonly sqnr: Float64Array;
  /** The SQNR of the channel with one scale for all; undefined unless the scales are per channel. */
  readonly perTensorSqnr: Float64Array | undefined;
}

/** What integers stand for: (integer - zero point) * scale. */
export interface Levels {
  readonly scale: number;
  /** 0 where there are no zero points. */
  readonly zeroPoint: number;
}

/** The number line of a channel, or of all weights. */
export interface Distribution {
  readonly channel: number | undefined;
  readonly name: string;
  readonly count: number;
  /** The largest |weight|; the bins lie between -range and range. */
  readonly range: number;
  readonly bins: Uint32Array;
  /** The levels that all these weights share under the settings; undefined where they have several. */
  readonly levels: Levels | undefined;
  /** Those of the channel by itself; undefined for all weights. */
  readonly ownLevels: Levels | undefined;
  /** Those of the one scale for all. */
  readonly tensorLevels: Levels;
  /**
   * The number of times that each integer is used under the settings, from -2^(bits-1); `codesPerBin` integers share a
   * bin.
   */
  readonly codes: Uint32Array;
  readonly codesPerBin: number;
  /**
   * The numbers of different integers used: under the settings, with the channel's own scale, and with one scale for
   * all.
   */
  readonly used: { readonly chosen: number; readonly own: number; readonly tensor: number };
  readonly sqnr: { readonly own: number; readonly tensor: number } | undefined;
}

export type Saved = "scales" | "zeroPoints" | "quantized" | "dequantized" | "all";
export type SavedAs = "csv" | "tsv" | "npy" | "json" | "safetensors" | "npz";

/** The questions to the worker, with their arguments and answers. */
export interface Questions {
  open: { given: Source; answer: Opened };
  quantize: { given: Settings; answer: Summary };
  /** The errors and sizes of other settings. */
  assess: { given: Settings; answer: Cost };
  map: {
    given: { map: MapName | "dequantized"; axis: number; window: Window; rows: number; columns: number };
    answer: Grid;
  };
  cell: { given: number; answer: Cell };
  scaleErrors: { given: number; answer: ScaleErrors };
  channels: { given: { order: ChannelOrder; bars: number }; answer: Bars };
  distribution: { given: { channel: number | undefined }; answer: Distribution };
  cells: { given: { table: Table; window: Window }; answer: Cells };
  scales: { given: { first: number; count: number; order: ChannelOrder }; answer: ScaleRows };
  save: { given: { what: Saved; as: SavedAs }; answer: Blob };
}

export type Question = keyof Questions;

/**
 * A question, which is always answered, or a note that answers to questions before `firstWanted` are no longer wanted.
 */
export type Request =
  | { [T in Question]: { id: number; question: T; given: Questions[T]["given"] } }[Question]
  | { firstWanted: number };

/** The reason why a question could not be answered. The range is the part of a pasted text to point at. */
export interface Failure {
  readonly message: string;
  readonly range?: readonly [start: number, length: number] | undefined;
}

export type Reply =
  | { id: number; progress: string }
  | { id: number; answer: Questions[Question]["answer"] }
  | { id: number; failure: Failure };
