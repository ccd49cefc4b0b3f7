/**
 * The way a number of a vector is stored: as a signed or unsigned integer of 8 bits, as an integer of 4 bits, or as a
 * bit that tells whether it is greater than 0.
 */
export type Precision = "int8" | "uint8" | "int4" | "binary";

/**
 * A measure of how close two vectors are: the cosine of their angle, their dot product, or their Euclidean distance.
 */
export type Metric = "cosine" | "dot" | "euclid";

/**
 * The range of each dimension: fitted once by `fitRanges` to vectors like those to come, and stored beside the codes. A
 * plain object, which JSON preserves.
 */
export interface VectorRanges {
  /** The number of dimensions of a vector. */
  readonly dimensions: number;
  /** The share of the numbers of a dimension that lie in its range. */
  readonly quantile: number;
  /** The least number of each dimension, a float32. */
  readonly lows: readonly number[];
  /** The largest number of each dimension, a float32. */
  readonly highs: readonly number[];
  /** A hash of the numbers above: only these ranges can read the codes. */
  readonly fingerprint: string;
}

/**
 * The scaling of codes: ranges of each dimension; `"unit"`, one scale for numbers from -1 to 1, such as those of
 * vectors of length 1; `"row"`, a scale for each vector, which needs no other vectors and keeps cosines; or `"group"`,
 * which also has a factor and a centre for each 16 dimensions, by a search, and is for `"int4"`.
 */
export type Scaling = VectorRanges | "unit" | "row" | "group";

/** The options of `fitRanges`. */
export interface FitOptions {
  /** The number of dimensions of a vector, from 1 to 16,384. */
  dimensions: number;
  /**
   * The share of the numbers of a dimension that its range holds, above 0.5 and at most 1, the default. With 0.99 the
   * range goes from the quantile 0.005 to the quantile 0.995. Numbers outside get the code at the end.
   */
  quantile?: number;
}

/** The options by which vectors become codes. */
export interface CodingOptions {
  /** The number of dimensions of a vector, from 1 to 16,384; required unless there are ranges, which contain it. */
  dimensions?: number;
  /** The way a number is stored; `"int8"` by default. `"uint8"` needs ranges. */
  precision?: Precision | "ubinary";
  /**
   * `"sentence-transformers"` gives its codes, bit for bit: numbers are rounded down, and bytes of `"binary"` are
   * signed (those of `"ubinary"`, which only this profile has, are not).
   */
  profile?: "sentence-transformers";
}

/** Vectors as codes, with everything that is needed to read them. */
export interface CodedVectors {
  /**
   * The codes, row by row: a byte each for `"int8"` and `"uint8"`; two a byte for `"int4"`, the first one low; eight a
   * byte for `"binary"`, the first one in the highest bit. Each row begins with a new byte. With `"group"`, a row has
   * its codes in a multiple of 16 bytes, and then, for each 128 dimensions, 8 bytes of factors and 8 of centres.
   */
  readonly codes: Int8Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  /** The way a number is stored. */
  readonly precision: Precision;
  /** The number of vectors. */
  readonly count: number;
  /** The number of dimensions of a vector. */
  readonly dimensions: number;
  /** The scaling of the codes. */
  readonly scaling: Scaling;
  /** With `"row"` and `"group"`, a scale for each vector. */
  readonly scales?: Float32Array<ArrayBuffer>;
  /** The profile that made the codes. */
  readonly profile?: "sentence-transformers";
}

/** The options of an index. */
export interface IndexOptions extends CodingOptions {
  /** The scaling of the codes; `"row"` by default. With `"binary"` it has no meaning. */
  scaling?: Scaling;
  /** The measure of how close two vectors are; `"cosine"` by default. */
  metric?: Metric;
}

/** The options of rescoring. */
export interface RescoreOptions {
  /** How many times k vectors are looked for, from 1 to 1,000. */
  times: number;
  /** The index with the vectors for rescoring, under the same ids; by default the one that is searched. */
  index?: VectorIndex;
}

/** The options of a search. */
export interface SearchOptions {
  /** The number of vectors to find, at most the size of the index; 10 by default, or all where there are fewer. */
  k?: number;
  /**
   * Finds this many times k vectors by their codes, from 1 to 1,000, and takes the best k of them by the unrounded
   * query, in float64: with the decoded vectors of this index, or of another one that has the same ids.
   */
  rescore?: number | RescoreOptions;
  /**
   * A bit for each id, 1 where the vector may be found: id & 7 is its place in byte id >> 3, counted from the lowest
   * bit.
   */
  filter?: Uint8Array;
}

/** The vectors that were found, best first. Of those with the same score, the one with the lower id comes first. */
export interface Hits {
  /** The ids of at most k vectors; fewer only where a filter leaves fewer. */
  readonly ids: Uint32Array<ArrayBuffer>;
  /** Cosines or dot products, the larger the better; or Euclidean distances, the smaller the better. */
  readonly scores: Float64Array<ArrayBuffer>;
}

/** Vectors as codes in a WebAssembly memory that grows with them, and exact search over all of them. */
export interface VectorIndex {
  /** The number of dimensions of a vector. */
  readonly dimensions: number;
  /** The measure of how close two vectors are. */
  readonly metric: Metric;
  /** The number of vectors in it. */
  readonly size: number;
  /** A number above every id: a filter has as many bits. */
  readonly end: number;
  /** The bytes that a vector takes: its codes, padded to 16 bytes, and the numbers that scores need. */
  readonly bytesPerVector: number;
  /**
   * Adds vectors, or codes that were made with the same settings. Where this throws, nothing is added.
   *
   * @returns their ids: those of removed vectors first, and then the numbers that follow, from 0 on.
   * @throws {TypeError | RangeError} for numbers that are not finite, for vectors of zeros with `"cosine"`, for codes
   * of other settings or ranges, and where there is not enough memory.
   */
  add(vectors: Float32Array | CodedVectors): Uint32Array<ArrayBuffer>;
  /**
   * Removes vectors. Vectors that are added later reuse their ids. Where this throws, nothing is removed.
   *
   * @throws {RangeError} for an id that is not in the index.
   */
  remove(ids: Iterable<number>): void;
  /**
   * Decodes a vector.
   *
   * @throws {RangeError} for an id that is not in the index.
   */
  vector(id: number): Float32Array<ArrayBuffer>;
  /**
   * Finds the vectors closest to a query. The search is exact for the codes, with the numbers of the query as integers
   * of 16 bits, or unrounded with `rescore`.
   *
   * @throws {TypeError | RangeError} for wrong options, a query that does not fit, an empty index, or k above its size.
   */
  search(query: Float32Array | CodedVectors, options?: SearchOptions): Hits;
  /** Searches for several queries, one after the other in the array: the codes are read once for up to 64 of them. */
  searchAll(queries: Float32Array | CodedVectors, options?: SearchOptions): Hits[];
  /** Returns the index as one buffer, to store or to send. `loadIndex` makes an index of it with the same ids. */
  save(): ArrayBuffer;
}

/** The options of `loadIndex`. */
export interface LoadIndexOptions {
  /**
   * Whether the index copies the vectors, by default `true`. With `false` they stay in `saved`, and each search reads
   * them there: workers that are sent a `Uint8Array` over one `SharedArrayBuffer` then search the same memory. Nothing
   * may write to it, and nothing can be added to the index. What the index removes is removed from no other.
   */
  copy?: boolean;
}

/** Functions over vectors, whose rows lie one after the other in a `Float32Array`. */
export interface Embeddings {
  /**
   * Finds the range of each dimension of vectors like those to come; some thousand of them suffice. Keep the ranges
   * with the codes, and use them for every vector: ranges of a single text would make only zeros of it.
   *
   * @throws {RangeError} where a number is not finite, or there are fewer than two vectors.
   */
  fitRanges(vectors: Float32Array, options: FitOptions): VectorRanges;
  /**
   * Encodes vectors.
   *
   * @throws {TypeError | RangeError} for wrong options, for numbers that are not finite, for ranges that were changed,
   * and for numbers beyond -1 to 1 with `"unit"`.
   */
  encode(vectors: Float32Array, scaling: Scaling, options?: CodingOptions): CodedVectors;
  /**
   * Decodes vectors; bits become +1 and -1.
   *
   * @throws {TypeError | RangeError} for anything but the result of `encode`.
   */
  decode(coded: CodedVectors): Float32Array<ArrayBuffer>;
  /**
   * Keeps the first `to` of `from` dimensions of each vector, and scales it to length 1, for models that are trained
   * for that (Matryoshka). With other models, results become worse than with codes of few bits.
   *
   * @throws {RangeError} where the dimensions do not match, a number is not finite, or a shortened vector is zero.
   */
  truncate(vectors: Float32Array, dimensions: { from: number; to: number }): Float32Array<ArrayBuffer>;
  /**
   * Makes an empty index, with a memory of its own that is freed with it.
   *
   * @throws {TypeError | RangeError} for wrong options.
   */
  createIndex(options: IndexOptions): VectorIndex;
  /**
   * Makes an index from the result of `save`.
   *
   * @throws {TypeError} for anything but bytes, or wrong options.
   * @throws {RangeError} where it is damaged, or of an unknown version.
   */
  loadIndex(saved: ArrayBuffer | Uint8Array, options?: LoadIndexOptions): VectorIndex;
}
