/** What the page and its worker say to each other. The weights and whole results stay in the worker. */

export type Arithmetic = "float64" | "float32";

export type Source =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "file"; readonly file: File }
  | { readonly kind: "sample"; readonly name: string; readonly url: string };

export interface Settings {
  readonly bits: number;
  readonly granularity: "channel" | "tensor" | "group";
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
  /** The type the file stores, undefined for numbers read from text. */
  readonly stored: Arithmetic | undefined;
}

/** What one granularity costs, and what it keeps. */
export interface Assessment {
  readonly granularity: Settings["granularity"];
  readonly mse: number;
  readonly maxError: number;
  readonly sqnr: number;
  /** The channel with the lowest SQNR. */
  readonly worst: { readonly channel: string; readonly sqnr: number };
  readonly scales: number;
  readonly codeBytes: number;
  readonly scaleBytes: number;
}

/** A few channels that share a bar of the picture, or one. */
export interface Bars {
  readonly channels: number;
  readonly channelsPerBar: number;
  /** Names of the bars, where each is one channel with a name. */
  readonly names: readonly string[] | undefined;
  /** Largest |weight| of the bar's channels, and the smallest of their largest. */
  readonly highest: Float64Array;
  readonly lowest: Float64Array;
  /** Worst SQNR of the bar's channels with a scale for each channel, and with one scale for all. */
  readonly perChannel: Float64Array;
  readonly perTensor: Float64Array;
}

export interface Summary {
  readonly shape: readonly number[];
  readonly arithmetic: Arithmetic;
  readonly weightBytes: number;
  readonly settings: Settings;
  /** Per channel, per tensor, and with groups if they are chosen. */
  readonly assessments: readonly Assessment[];
  readonly bars: Bars;
}

export type Table = "quantized" | "dequantized" | "errors" | "weights";

/** A window on a table: the last dimension in columns, all others in rows. */
export interface Window {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

export interface Cells {
  readonly values: Float64Array;
  readonly rowNames: readonly string[];
  readonly columnNames: readonly string[];
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

export type Saved = "scales" | "quantized" | "dequantized" | "all";
export type SavedAs = "csv" | "tsv" | "npy" | "json";

/** Every task of the worker: what it is given and what it answers. */
export interface Tasks {
  open: { given: Source; answer: Opened };
  quantize: { given: Settings; answer: Summary };
  cells: { given: { table: Table; window: Window }; answer: Cells };
  scales: { given: { first: number; count: number }; answer: ScaleRows };
  save: { given: { what: Saved; as: SavedAs }; answer: Blob };
}

export type Task = keyof Tasks;

export type Request = { [T in Task]: { id: number; task: T; given: Tasks[T]["given"] } }[Task];

/** Why a task failed; the range is the part of a pasted text to point at. */
export interface Failure {
  readonly message: string;
  readonly range?: readonly [start: number, length: number] | undefined;
}

export type Reply =
  | { id: number; progress: string }
  | { id: number; answer: Tasks[Task]["answer"] }
  | { id: number; failure: Failure };
