import { shown } from "../../core/arguments.js";

/**
 * A fair part, by bytes, of the files of a large model or of a list of models, for one of several machines. Machines
 * that are given the same files find the same parts, which together contain all files.
 *
 * @param part the number of the part, from 1 to `of`
 * @returns the files of the part in the order given; empty where there are fewer files than parts.
 * @throws {RangeError} where `part` is not from 1 to `of`.
 */
export function fairPart<
  F extends {
    /** The size of the file in bytes. */
    readonly size: number;
  },
>(files: readonly F[], part: number, of: number): F[] {
  if (!Number.isInteger(of) || of < 1) throw new RangeError(`of is ${shown(of)}; it must be an integer from 1 on`);
  if (!Number.isInteger(part) || part < 1 || part > of) {
    throw new RangeError(`part is ${shown(part)}; it must be an integer from 1 to ${of}`);
  }
  // The largest file comes first. Each goes to the part that has the fewest bytes so far, and to the first of equal
  // ones.
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
