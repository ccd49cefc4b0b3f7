import { basename } from "node:path";
import { type Model, missingShards, printable } from "channelwise/models";
import { counted, oneLine } from "./format.js";
import type { Input } from "./inputs.js";
import { type Stream, styled } from "./terminal.js";

// Notes on standard error about parts of a model that people may not expect.

/** More lines would hide the rest. */
const MOST_LINES = 5;

/** Lists the parts of a model's files that cannot be read as tensors. */
export function tellPassedOver(stream: Stream, file: string, passedOver: Model["passedOver"] = []): void {
  tell(
    passedOver.map(({ name, reason }) => `${name} is passed over: ${reason}`),
    (line) => stream.write(`${printable(file)}: ${oneLine(line)}\n`),
  );
}

/** Warns of parts of a model that were not given, since the output will lack their tensors. */
export function tellMissingParts(stream: Stream, input: Input): void {
  const { missing, count } = missingShards(input.files.map((file) => basename(file)));
  if (missing.length === 0) return;
  const [first, ...others] = missing;
  const which =
    others.length > 0
      ? `${first} and ${counted(others.length, "more part")} of ${count} are`
      : `${first} of ${count} is`;
  tellWarnings(stream, [
    `${input.path}: part ${which} not given, and the output will lack its tensors; give all parts or their index`,
  ]);
}

export function tellWarnings(stream: Stream, warnings: readonly string[]): void {
  tell(warnings, (line) => stream.write(`${styled(stream, "yellow", "warning:")} ${oneLine(line)}\n`));
}

function tell(lines: readonly string[], write: (line: string) => void): void {
  const shown = lines.length > MOST_LINES ? lines.slice(0, MOST_LINES - 1) : lines;
  for (const line of shown) write(line);
  const rest = lines.length - shown.length;
  if (rest > 0) write(`and the same for ${rest} more; --json names all`);
}
