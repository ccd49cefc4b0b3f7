/** In milliseconds, far above what anything takes on a slow machine: what a page has not shown by then, it never will. */
export const longestWait = 5 * 60_000;
