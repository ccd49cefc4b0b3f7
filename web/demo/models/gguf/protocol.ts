/** What the page and the worker tell each other of GGUFs that are to be written. */

/** A type that a GGUF can be written as, such as Q4_K_M. */
export interface ShownType {
  readonly name: string;
  readonly byteLength: number;
  /** The bits a weight takes in the tensors that are quantized. */
  readonly bitsPerWeight: number;
}

/** What a GGUF loses with each type, by its name. */
export interface MeasuredTypes {
  /** Whether only some rows of each tensor were read. */
  readonly isSample: boolean;
  readonly losses: ReadonlyMap<
    string,
    { readonly sqnr: number; readonly worst: { readonly tensor: string; readonly sqnr: number } }
  >;
}

/** How the codes of blocks are chosen. */
export type GgufEncoder = "ggml" | "search";

/** A type for the whole file, or a mix of types by its place between the smallest and the best. */
export type GgufChoice = { readonly type: string } | { readonly place: number };

/** A type for several models, and how its codes are chosen. */
export interface GgufRules {
  readonly type: string;
  readonly encoder: GgufEncoder;
}

/** A choice of a type for each tensor of a GGUF. */
export interface ShownGgufMix {
  /** How many there are. */
  readonly count: number;
  /** Which of them this is, from the smallest on. */
  readonly place: number;
  readonly byteLength: number;
  readonly bitsPerWeight: number;
  /** The mean of the weights in dB. */
  readonly sqnr: number;
  readonly worst: { readonly tensor: string; readonly sqnr: number };
  /** The number of tensors of each type. */
  readonly counts: ReadonlyMap<string, number>;
}
