import type { Model } from "channelwise/models";
import type { Stream } from "./terminal.js";

/** Says in one line how a text was understood. */
export function tellReading(stream: Stream, path: string, { notes = [] }: Pick<Model, "notes">): void {
  if (notes.length > 0) stream.write(`${path}: ${notes.join(" ")}\n`);
}
