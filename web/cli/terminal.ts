import { styleText } from "node:util";

/** A stream of the process as it is when the command begins. */
export interface StreamFacts {
  /** Whether a person looks at it, on a terminal that can go back in a line. */
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly hasColors: boolean;
}

/** Standard output or standard error. */
export interface Stream extends StreamFacts {
  write(text: string): void;
}

export function factsOf(stream: NodeJS.WriteStream): StreamFacts {
  const isTerminal = stream.isTTY === true && process.env.TERM !== "dumb";
  // `hasColors` knows NO_COLOR.
  return { isTerminal, columns: stream.columns || 80, hasColors: isTerminal && stream.hasColors() };
}

/** Takes the text of a line away, to write it anew. */
export const clearedLine = "\r\x1b[K";

/** Columns to fill; without end where it is no terminal. */
export function widthOf({ isTerminal, columns }: StreamFacts): number {
  return isTerminal ? columns : Infinity;
}

type Style = Parameters<typeof styleText>[0];

/** Text in a style, where the stream shows one. (styleText would ask standard output alone.) */
export function styled({ hasColors }: StreamFacts, style: Style, text: string): string {
  return hasColors ? styleText(style, text, { validateStream: false }) : text;
}
