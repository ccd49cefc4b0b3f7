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

/** What an index is of. */
export interface IndexOptions extends CodingOptions {
  /** What the codes are scaled by; `"row"` if not given. With `"binary"` it has no meaning. */
  scaling?: Scaling;
  /** How close two vectors are; `"cosine"` if not given. */
  metric?: Metric;
}

/** How hits are rescored. */
export interface RescoreOptions {
  /** How many times k vectors are looked for, from 1 to 1,000. */
  times: number;
  /** What has the vectors, by the same ids; the index that is searched if not given. */
  index?: VectorIndex;
}

/** What a search is for. */
export interface SearchOptions {
  /** How many vectors to find, at most as many as the index holds; 10 if not given, or all where there are fewer. */
  k?: number;
  /**
   * Looks for so many times k vectors by their codes, from 1 to 1,000, and takes the best k of them by the query as it is,
   * in float64: with what the codes of this index stand for, or those of another one that has the same ids.
   */
  rescore?: number | RescoreOptions;
  /** A bit for each id, 1 where the vector may be found: id & 7 is its place in byte id >> 3, counted from the lowest bit. */
  filter?: Uint8Array;
}

/** The vectors that were found, the best first; of those with the same score, the one with the lower id. */
export interface Hits {
  /** At most k, and fewer only where a filter leaves fewer. */
  readonly ids: Uint32Array<ArrayBuffer>;
  /** Cosines or dot products, the larger the better; or Euclidean distances, the smaller the better. */
  readonly scores: Float64Array<ArrayBuffer>;
}

/** Vectors as codes, in a memory of WebAssembly that grows with them, and exact search over all of them. */
export interface VectorIndex {
  /** Numbers of a vector. */
  readonly dimensions: number;
  /** How close two vectors are. */
  readonly metric: Metric;
  /** How many vectors it holds. */
  readonly size: number;
  /** Every id is below it: a filter has so many bits. */
  readonly end: number;
  /** Bytes that a vector takes: its codes, filled up to 16 bytes, and what the scores need. */
  readonly bytesPerVector: number;
  /**
   * Adds vectors, or codes that were made with the same settings. Where this throws, nothing is added.
   *
   * @returns their ids: those of vectors that were removed, and then the numbers that follow, from 0 on.
   * @throws {TypeError | RangeError} for numbers that are not finite, for vectors of zeros with `"cosine"`, for codes of
   * other settings or ranges, and where the memory would be more than can be had.
   */
  add(vectors: Float32Array | CodedVectors): Uint32Array<ArrayBuffer>;
  /**
   * Removes vectors. Their ids are given to the vectors that are added next. Where this throws, nothing is removed.
   *
   * @throws {RangeError} for an id that is not in the index.
   */
  remove(ids: Iterable<number>): void;
  /**
   * What the codes of a vector stand for.
   *
   * @throws {RangeError} for an id that is not in the index.
   */
  vector(id: number): Float32Array<ArrayBuffer>;
  /**
   * Finds the vectors closest to one query: exactly those of what the codes say, with the numbers of the query as integers
   * of 16 bits, or as they are with `rescore`.
   *
   * @throws {TypeError | RangeError} for wrong options, a query that does not fit, an empty index, or k above its size.
   */
  search(query: Float32Array | CodedVectors, options?: SearchOptions): Hits;
  /** The same for several queries, one after the other in the array: the codes are read once for up to 64 of them. */
  searchAll(queries: Float32Array | CodedVectors, options?: SearchOptions): Hits[];
  /** The index as one buffer, to store or to send: `loadIndex` makes an index of it. Ids stay what they are. */
  save(): ArrayBuffer;
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
  /**
   * Makes an empty index, with a memory of its own that is given back with it.
   *
   * @throws {TypeError | RangeError} for wrong options.
   */
  createIndex(options: IndexOptions): VectorIndex;
  /**
   * Makes an index of what `save` gave.
   *
   * @throws {TypeError} for anything that is no bytes.
   * @throws {RangeError} where it is damaged, or of a version that is not known.
   */
  loadIndex(saved: ArrayBuffer | Uint8Array): VectorIndex;
}
