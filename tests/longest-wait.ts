/** The limit for waiting, in milliseconds, far above anything on a slow machine. */
export const longestWait = 5 * 60_000;
