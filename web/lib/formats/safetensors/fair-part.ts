import { shown } from "../../core/arguments.js";

/**
 * A fair part, by bytes, of the files of a large model or of a list of models, for one of several machines. Every machine
 * that is given the same files finds the same parts, which together are all files.
 *
 * @param part which one, from 1 to `of`
 * @returns in the order given; empty where there are fewer files than parts.
 * @throws {RangeError} where `part` is not of `of`.
 */
export function fairPart<
  F extends {
    /** In bytes. */
    readonly size: number;
  },
>(files: readonly F[], part: number, of: number): F[] {
  if (!Number.isInteger(of) || of < 1) throw new RangeError(`of is ${shown(of)}; it must be an integer from 1 on`);
  if (!Number.isInteger(part) || part < 1 || part > of) {
    throw new RangeError(`part is ${shown(part)}; it must be an integer from 1 to ${of}`);
  }
  // The largest first, each to the part that has least so far: of equal ones to the first.
  const loads = Array.from({ length: of }, () => 0);
  const mine = new Set<number>();
  const order = [...files.keys()].sort((a, b) => files[b].size - files[a].size);
  for (const i of order) {
    const lightest = loads.reduce((least, load, place) => (load < loads[least] ? place : least), 0);
    loads[lightest] += files[i].size;
    if (lightest === part - 1) mine.add(i);
  }
  return files.filter((_, i) => mine.has(i));
}
