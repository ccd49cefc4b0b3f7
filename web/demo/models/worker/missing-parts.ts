import { missingShards } from "channelwise/models";
import { counted } from "../../format.js";

/** Warns of shards that were not opened with others, since what is saved will lack their tensors. */
export function missingParts(names: readonly string[]): string[] {
  const { missing, count } = missingShards(names);
  const [first, ...others] = missing;
  if (first === undefined) return [];
  const which =
    others.length > 0
      ? `${first} and ${counted(others.length, "more part")} of ${count} are`
      : `${first} of ${count} is`;
  return [`Part ${which} not here, and the saved file will lack its tensors: open all parts together`];
}
