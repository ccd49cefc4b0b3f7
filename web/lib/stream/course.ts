/** How a stream goes on. */
export interface Course {
  /** Ends everything; the promise is rejected with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told how many weights of all are done. Where they pass twice, passing once is half of it. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Weights that are read and sent to a worker at a time. */
  readonly chunkElements?: number | undefined;
  /**
   * The most weights that are under way at a time. Of weights that pass twice, as many are kept in memory in between. When
   * not given, there is no limit and nothing is kept. Nothing that workers read from a file is kept either.
   */
  readonly heldElements?: number | undefined;
}
