/**
 * Control characters of terminals, invisible characters, and characters that change the direction of text; not joiners,
 * which words need.
 */
const INVISIBLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The text with invisible characters written out, as "\\n" or "\\u001b". */
export function printable(text: string): string {
  return text.replace(INVISIBLE, (character) => {
    if (character === "\n") return "\\n";
    const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  });
}

/** A longer name is not more useful. */
const MOST_OF_NAME = 200;

/** A name for display, whatever the file contains: in one line, and shortened in the middle if it is long. */
export function shownName(name: string): string {
  if (name.length <= MOST_OF_NAME) return printable(name);
  const half = MOST_OF_NAME / 2;
  return printable(`${name.slice(0, half)}…${name.slice(-half)}`);
}
