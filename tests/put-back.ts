import { afterAll, vi } from "vitest";

// The files of tests share a process: what one of them has replaced is put back before the next.
afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});
