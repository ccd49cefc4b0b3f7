/** What a terminal obeys, what cannot be seen, and what turns the text around it; but joiners, which words are written with. */
const INVISIBLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text with all that cannot be seen written out: "\\n", "\\u001b". */
export function printable(text: string): string {
  return text.replace(INVISIBLE, (character) => {
    if (character === "\n") return "\\n";
    const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  });
}

/** A longer name says no more. */
const MOST_OF_NAME = 200;

/** A name as it can be shown, whatever the file holds: in one line, and shortened in the middle where it is long. */
export function shownName(name: string): string {
  if (name.length <= MOST_OF_NAME) return printable(name);
  const half = MOST_OF_NAME / 2;
  return printable(`${name.slice(0, half)}…${name.slice(-half)}`);
}
