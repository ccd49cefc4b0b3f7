/** How work on one tensor goes on. */
export interface TensorCourse {
  /** Ends the work. */
  readonly signal: AbortSignal | undefined;
  /** Is called with the share of the work that is done. */
  readonly progress: (share: number) => void;
}
