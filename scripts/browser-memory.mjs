// The memory of the browser that a script has started, on Linux.

import { existsSync, readdirSync, readFileSync } from "node:fs";

/**
 * The most memory that the browser takes while something is done, and how much it took before: the bytes of all its
 * processes, with shared memory counted once. 0 where there is no /proc.
 * @template T
 * @param {() => Promise<T>} action
 * @returns {Promise<{ result: T, idle: number, peak: number }>}
 */
export async function withPeakMemory(action) {
  const idle = memory();
  let peak = idle;
  const watch = setInterval(() => {
    peak = Math.max(peak, memory());
  }, 100);
  try {
    const result = await action();
    return { result, idle, peak };
  } finally {
    clearInterval(watch);
  }
}

function memory() {
  let sum = 0;
  for (const pid of descendants()) {
    try {
      const [, kilobytes] = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) ?? [];
      sum += Number(kilobytes ?? 0) * 1024;
    } catch {} // the process has ended
  }
  return sum;
}

/** The processes that this one has started, and their descendants. */
function descendants() {
  /** @type {Map<string, string[]>} */
  const children = new Map();
  for (const pid of existsSync("/proc") ? readdirSync("/proc").filter((name) => /^\d+$/.test(name)) : []) {
    try {
      const [, parent = ""] = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
      children.set(parent, [...(children.get(parent) ?? []), pid]);
    } catch {}
  }
  const found = [...(children.get(String(process.pid)) ?? [])];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}
