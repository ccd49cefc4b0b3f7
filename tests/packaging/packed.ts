import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

/**
 * Makes the folder for the tarball that the specs share. Vitest calls this before the tests. While it watches, each
 * spec packs what is built by then.
 */
export function setup({ config }: TestProject): (() => void) | undefined {
  if (config.watch) return;
  const folder = mkdtempSync(join(tmpdir(), "channelwise-packed-"));
  process.env.CHANNELWISE_PACKED = folder;
  return () => rmSync(folder, { recursive: true });
}
