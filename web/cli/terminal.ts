import { styleText } from "node:util";

/** Standard output or standard error. */
export type Stream = NodeJS.WriteStream;

/** Whether a person looks at it, on a terminal that can go back in a line. */
export function isTerminal(stream: Stream): boolean {
  return stream.isTTY === true && process.env.TERM !== "dumb";
}

/** Columns to fill; without end where it is no terminal. */
export function widthOf(stream: Stream): number {
  return isTerminal(stream) ? stream.columns || 80 : Infinity;
}

type Style = Parameters<typeof styleText>[0];

/** Text in a style, where the stream shows one: `hasColors` knows NO_COLOR. (styleText would ask standard output alone.) */
export function styled(stream: Stream, style: Style, text: string): string {
  return isTerminal(stream) && stream.hasColors() ? styleText(style, text, { validateStream: false }) : text;
}
