/** A text without its middle where it has more letters than fit: names differ at their ends. */
export function fitting(text: string, letters: number): string {
  const most = Math.max(3, letters);
  if (text.length <= most) return text;
  const end = Math.ceil((most - 1) / 2);
  return `${text.slice(0, most - 1 - end)}…${text.slice(-end)}`;
}

/** What all names begin with, up to a dot, a slash or the like; short names are told apart by the rest. */
export function sharedStart(names: readonly string[]): string {
  const [first = "", ...others] = names;
  let length = others.length === 0 ? 0 : first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length).replace(/[^./:]*$/, "");
}
