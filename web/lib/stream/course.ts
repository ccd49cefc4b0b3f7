/** The signal that can end a stream, and its progress. */
export interface Course {
  /** Ends the stream, whose promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called with the number of weights that are done, and of all. Where weights pass twice, the first pass is half of
   * it.
   */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** The number of weights that are read and sent to a worker at a time. */
  readonly chunkElements?: number | undefined;
  /**
   * The most weights that are in memory at a time. As many of those that pass twice are kept between the passes. By
   * default there is no limit, and nothing is kept. Weights that workers read from a file are never kept.
   */
  readonly heldElements?: number | undefined;
}
