/**
 * How a number of a vector is stored: as an integer of 8 bits, with a sign or without, as one of 4 bits, or as a bit that
 * says whether it is greater than 0.
 */
export type Precision = "int8" | "uint8" | "int4" | "binary";

/** How close two vectors are: the cosine of their angle, their dot product, or their Euclidean distance. */
export type Metric = "cosine" | "dot" | "euclid";

/**
 * Where the numbers of each dimension lie: made once with `fitRanges`, of vectors that are like those to come, and stored
 * beside the codes. A plain object, which survives JSON.
 */
export interface VectorRanges {
  /** Numbers of a vector. */
  readonly dimensions: number;
  /** The share of the numbers of a dimension that lie in its range. */
  readonly quantile: number;
  /** The least number of each dimension, a float32. */
  readonly lows: readonly number[];
  /** The largest number of each dimension, a float32. */
  readonly highs: readonly number[];
  /** A hash of the numbers above: codes can be read with these ranges alone. */
  readonly fingerprint: string;
}

/**
 * What the codes are scaled by: ranges of each dimension; `"unit"`, one scale for numbers from -1 to 1, as those of
 * vectors of length 1 are; or `"row"`, a scale for each vector, which needs no other vectors and keeps cosines.
 */
export type Scaling = VectorRanges | "unit" | "row";

/** How `fitRanges` finds ranges. */
export interface FitOptions {
  /** Numbers of a vector, from 1 to 16,384. */
  dimensions: number;
  /**
   * The share of the numbers of a dimension that its range holds, above 0.5 and at most 1, the default. With 0.99 the
   * range goes from the quantile 0.005 to the quantile 0.995. Numbers outside become the code at the end.
   */
  quantile?: number;
}

/** How vectors become codes. */
export interface CodingOptions {
  /** Numbers of a vector, from 1 to 16,384; needed unless there are ranges, which know them. */
  dimensions?: number;
  /** How a number is stored; `"int8"` if not given. `"uint8"` needs ranges. */
  precision?: Precision | "ubinary";
  /**
   * With `"row"` and `"int4"`: how many neighbours share a scale, a multiple of 32. If it is not given, a vector has one
   * scale.
   */
  group?: number;
  /**
   * `"sentence-transformers"` gives its codes, bit for bit: numbers are rounded down, and `"binary"` bytes have a sign
   * (those of `"ubinary"`, which this profile alone knows, have none).
   */
  profile?: "sentence-transformers";
}

/** Vectors as codes, with all that is needed to read them. */
export interface CodedVectors {
  /**
   * The codes, row by row: a byte each for `"int8"` and `"uint8"`; two a byte for `"int4"`, the first one low; eight a
   * byte for `"binary"`, the first one in the highest bit. Each row begins at a byte of its own.
   */
  readonly codes: Int8Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  /** How a number is stored. */
  readonly precision: Precision;
  /** How many vectors there are. */
  readonly count: number;
  /** Numbers of a vector. */
  readonly dimensions: number;
  /** What the codes are scaled by. */
  readonly scaling: Scaling;
  /** A scale for each vector, or for each group of it, with `"row"`. */
  readonly scales?: Float32Array<ArrayBuffer>;
  /** How many neighbours share a scale, where that is not the whole vector. */
  readonly group?: number;
  /** The profile that made the codes. */
  readonly profile?: "sentence-transformers";
}

/** Functions over vectors, whose rows lie one after the other in a `Float32Array`. */
export interface Embeddings {
  /**
   * Finds where the numbers of each dimension lie, of vectors that are like those to come: some thousand of them. Keep the
   * ranges with the codes, and use them for every vector; ranges of one text alone would make nothing but zeros of it.
   *
   * @throws {RangeError} where a number is not finite, or there are fewer than two vectors.
   */
  fitRanges(vectors: Float32Array, options: FitOptions): VectorRanges;
  /**
   * Makes codes of vectors.
   *
   * @throws {TypeError | RangeError} for wrong options, for numbers that are not finite, for ranges that were changed, and
   * for numbers beyond -1 to 1 with `"unit"`.
   */
  encode(vectors: Float32Array, scaling: Scaling, options?: CodingOptions): CodedVectors;
  /**
   * The vectors that codes stand for: +1 and -1 for bits.
   *
   * @throws {TypeError | RangeError} where the codes are not what `encode` gives.
   */
  decode(coded: CodedVectors): Float32Array<ArrayBuffer>;
  /**
   * The first `to` of `from` dimensions of each vector, brought to length 1: for models that are trained for that
   * (Matryoshka). With others the vectors become worse than codes of few bits.
   *
   * @throws {RangeError} where the dimensions do not match, a number is not finite, or a vector that is left is zero.
   */
  truncate(vectors: Float32Array, dimensions: { from: number; to: number }): Float32Array<ArrayBuffer>;
}
