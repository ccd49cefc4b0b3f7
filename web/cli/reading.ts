import { type Model, printable } from "channelwise/models";
import { oneLine } from "./format.js";
import type { Stream } from "./terminal.js";

/** Says in one line how a text was understood. */
export function tellReading(stream: Stream, path: string, { notes = [] }: Pick<Model, "notes">): void {
  if (notes.length > 0) stream.write(`${printable(path)}: ${oneLine(notes.join(" "))}\n`);
}
