import { type Model, printable } from "channelwise/models";
import { oneLine } from "./format.js";
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

export function tellWarnings(stream: Stream, warnings: readonly string[]): void {
  tell(warnings, (line) => stream.write(`${styled(stream, "yellow", "warning:")} ${oneLine(line)}\n`));
}

function tell(lines: readonly string[], write: (line: string) => void): void {
  const shown = lines.length > MOST_LINES ? lines.slice(0, MOST_LINES - 1) : lines;
  for (const line of shown) write(line);
  const rest = lines.length - shown.length;
  if (rest > 0) write(`and the same for ${rest} more; --json names all`);
}
