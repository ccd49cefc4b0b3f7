/** Text from a file as it should stand in a message: short, whatever the file holds. */
export function shorten(text: string, length = 24): string {
  return text.length > length ? `${text.slice(0, length)}...` : text;
}

/** A value out of JSON, shortened in the same way. */
export function shownJson(value: unknown): string {
  return shorten(JSON.stringify(value) ?? "missing", 80);
}

/** The shortened text in quotes. */
export function quote(text: string): string {
  return text === "" ? "nothing more" : JSON.stringify(shorten(text));
}
