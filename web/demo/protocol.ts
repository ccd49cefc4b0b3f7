/** What the page and its worker say to each other. The weights and whole results stay in the worker. */

import type { ScaleRule } from "channelwise";
import type { Window } from "./matrix.js";

export type Arithmetic = "float64" | "float32";

export type Source =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "file"; readonly file: File; readonly of?: TensorOfModel }
  | { readonly kind: "sample"; readonly name: string; readonly url: string };

/** Where weights come from that were taken out of a model. */
export interface TensorOfModel {
  /** Name of the file that was opened. */
  readonly model: string;
  readonly isOnnx: boolean;
  readonly tensor: string;
  /** What part of the tensor they are; undefined for all of it. */
  readonly part: string | undefined;
}

export type GranularityName = "channel" | "tensor" | "group";

export interface Settings {
  readonly bits: number;
  /** The rule for scales. */
  readonly rule: ScaleRule;
  readonly granularity: GranularityName;
  /** The channel axis. */
  readonly axis: number;
  /** Group size, and the axis along which groups lie. */
  readonly group: number;
  readonly along: number;
  /** For numbers read from text; binary files have a type of their own. */
  readonly arithmetic: Arithmetic;
}

export interface Opened {
  /** What files made from it are called. */
  readonly name: string;
  readonly shape: readonly number[];
  /** What the source is, e.g. "separated by commas". */
  readonly layout: string;
  /** What was taken for names and comments in a text, and what could be misread: sentences. */
  readonly notes: readonly string[];
  /** The type the file stores, undefined for numbers read from text. */
  readonly stored: Arithmetic | undefined;
}

/** What one choice of settings costs. */
export interface Cost {
  readonly mse: number;
  readonly maxError: number;
  readonly sqnr: number;
  readonly scales: number;
  /** Bytes of the integers as channelwise gives and the page saves them: one byte each up to 8 bits, two above. */
  readonly codeBytes: number;
  /** Bytes of the integers if each takes no more than its bits. */
  readonly packedBytes: number;
  readonly scaleBytes: number;
}

/** What one granularity costs, and what it keeps. */
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
  /** Channels along the axis. */
  readonly channels: number;
  /** What the channels are called, where they have names. */
  readonly channelNames: readonly string[] | undefined;
  /** Per channel, per tensor, and with groups if they are chosen. */
  readonly assessments: readonly Assessment[];
  /** Largest |value| of each map. */
  readonly limits: Readonly<Record<MapName, number>>;
  /** The channel that one scale for all costs most dB. */
  readonly mostGained: number;
}

/** The pictures of the matrix: a colour for each cell. */
export const mapNames = ["weights", "quantized", "errors"] as const;
export type MapName = (typeof mapNames)[number];

/** A map reduced to a grid: where several cells share a place, the value farthest from 0. */
export interface Grid {
  readonly window: Window;
  readonly rows: number;
  readonly columns: number;
  /** Row by row. */
  readonly values: Float64Array;
  /** Names of the window's rows and columns, where there are few. */
  readonly rowNames: readonly string[] | undefined;
  readonly columnNames: readonly string[] | undefined;
}

export type Table = "quantized" | "dequantized" | "errors" | "weights";

export interface Cells {
  readonly values: Float64Array;
  readonly rowNames: readonly string[];
  readonly columnNames: readonly string[];
}

/** One weight on its way through the formula. */
export interface Cell {
  readonly index: number;
  /** Its place in words, e.g. "edges, w3" or "[0, 3]". */
  readonly name: string;
  readonly channel: number;
  readonly channelName: string;
  readonly weight: number;
  /** The weight that is largest in size among those that share the scale. */
  readonly largest: { readonly value: number; readonly name: string };
  /** How many weights share the scale. */
  readonly sharing: number;
  readonly scale: number;
  /** Weight / scale in the arithmetic of the weights, before it is rounded. */
  readonly quotient: number;
  readonly quantized: number;
  readonly dequantized: number;
  readonly error: number;
}

/** How channels are put in order: as they lie, the lowest SQNR first, or the largest range first. */
export type ChannelOrder = "index" | "worst" | "range";

/** A few channels that share a bar of a picture, or one. */
export interface Bars {
  readonly channels: number;
  readonly channelsPerBar: number;
  /** Names of the bars. */
  readonly names: readonly string[];
  /** The first channel of every bar. */
  readonly first: Uint32Array;
  /** Largest |weight| of the bar's channels, and the smallest of their largest. */
  readonly highest: Float64Array;
  readonly lowest: Float64Array;
  /** Worst SQNR of the bar's channels with a scale for each channel, with one scale for all, and with groups. */
  readonly channel: Float64Array;
  readonly tensor: Float64Array;
  readonly group: Float64Array | undefined;
}

/** Error figures of some channels, groups, or the tensor. */
export interface ScaleRows {
  readonly names: readonly string[];
  readonly scales: Float64Array;
  readonly mse: Float64Array;
  readonly maxError: Float64Array;
  readonly sqnr: Float64Array;
  /** SQNR of the channel with one scale for all; undefined unless the scales are per channel. */
  readonly perTensorSqnr: Float64Array | undefined;
}

/** What a number line shows of a channel, or of all weights. */
export interface Distribution {
  readonly channel: number | undefined;
  readonly name: string;
  readonly count: number;
  /** Largest |weight|; the bins lie between -range and range. */
  readonly range: number;
  readonly bins: Uint32Array;
  /** The scale all these weights share under the settings; undefined where they have several. */
  readonly scale: number | undefined;
  /** Scale of the channel by itself; undefined for all weights. */
  readonly ownScale: number | undefined;
  /** The one scale for all. */
  readonly tensorScale: number;
  /** How often each integer is used under the settings, from -2^(bits-1); `codesPerBin` integers share a number. */
  readonly codes: Uint32Array;
  readonly codesPerBin: number;
  /** Different integers used: under the settings, with the channel's own scale, with one scale for all. */
  readonly used: { readonly chosen: number; readonly own: number; readonly tensor: number };
  readonly sqnr: { readonly own: number; readonly tensor: number } | undefined;
}

export type Saved = "scales" | "quantized" | "dequantized" | "all";
export type SavedAs = "csv" | "tsv" | "npy" | "json" | "safetensors" | "npz";

/** Every question to the worker: what it is given and what it answers. */
export interface Questions {
  open: { given: Source; answer: Opened };
  quantize: { given: Settings; answer: Summary };
  /** What other settings would cost. */
  assess: { given: Settings; answer: Cost };
  map: { given: { map: MapName; axis: number; window: Window; rows: number; columns: number }; answer: Grid };
  cell: { given: number; answer: Cell };
  channels: { given: { order: ChannelOrder; bars: number }; answer: Bars };
  distribution: { given: { channel: number | undefined }; answer: Distribution };
  cells: { given: { table: Table; window: Window }; answer: Cells };
  scales: { given: { first: number; count: number; order: ChannelOrder }; answer: ScaleRows };
  save: { given: { what: Saved; as: SavedAs }; answer: Blob };
}

export type Question = keyof Questions;

/** A question, which is always answered, or the word that nobody waits for the answers to those before `firstWanted`. */
export type Request =
  | { [T in Question]: { id: number; question: T; given: Questions[T]["given"] } }[Question]
  | { firstWanted: number };

/** Why a question could not be answered; the range is the part of a pasted text to point at. */
export interface Failure {
  readonly message: string;
  readonly range?: readonly [start: number, length: number] | undefined;
}

export type Reply =
  | { id: number; progress: string }
  | { id: number; answer: Questions[Question]["answer"] }
  | { id: number; failure: Failure };
