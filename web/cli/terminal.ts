import { styleText } from "node:util";

/** The properties of a stream when the command begins. */
export interface StreamFacts {
  /** Whether it is a terminal whose lines can be redrawn. */
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly hasColors: boolean;
}

/** Standard output or standard error. */
export interface Stream extends StreamFacts {
  write(text: string): void;
}

export interface Streams {
  readonly stdout: Stream;
  readonly stderr: Stream;
}

export function factsOf(stream: NodeJS.WriteStream): StreamFacts {
  const isTerminal = stream.isTTY === true && process.env.TERM !== "dumb";
  // `hasColors` knows NO_COLOR.
  return { isTerminal, columns: stream.columns || 80, hasColors: isTerminal && stream.hasColors() };
}

/** Clears the line, to write it again. */
export const clearedLine = "\r\x1b[K";

/** The number of columns; infinite outside of a terminal. */
export function widthOf({ isTerminal, columns }: StreamFacts): number {
  return isTerminal ? columns : Infinity;
}

type Style = Parameters<typeof styleText>[0];

/** Text in a style, if the stream shows styles. (styleText only asks standard output.) */
export function styled({ hasColors }: StreamFacts, style: Style, text: string): string {
  return hasColors ? styleText(style, text, { validateStream: false }) : text;
}

/** JSON has no infinity, so the infinite SQNR of a tensor without errors is null. */
export function printJson(stdout: Stream, value: object): void {
  stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
