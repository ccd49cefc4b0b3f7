/** Text from a file for a message, shortened to `length`. */
export function shorten(text: string, length = 24): string {
  return text.length > length ? `${text.slice(0, length)}...` : text;
}

/** A JSON value for a message, shortened in the same way. */
export function shownJson(value: unknown): string {
  return shorten(JSON.stringify(value) ?? "missing", 80);
}

/** The shortened text in quotes. */
export function quote(text: string): string {
  return text === "" ? "nothing more" : JSON.stringify(shorten(text));
}
