/** What makes arrays in R, Python, JavaScript and others, and what they print. */

/** Elements, written as arguments. */
const LISTS = /(?:^|[.:])(?:c|rbind|cbind|list|tuple|of|vec!)$/;

/** An array, and arguments that say of what type it is or which shape it has; and types of numbers. */
const ARRAYS =
  /(?:^|[.:])(?:(?:as|device|(?:u?int|float)\d\d?(?:clamped)?)?array|\w*tensor|constant|variable|parameter|matrix|mat|structure|from|b?float\d*|f\d\d|double|half|single|u?int\d*|long)$/i;

const LONGEST_NAME = 60;

export function kindOfName(name: string): "list" | "array" | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  if (LISTS.test(name)) return "list";
  return ARRAYS.test(name) ? "array" : undefined;
}

/** Arguments: what numbers each has, by its name, or by its place after the array. */
export type Arguments = ReadonlyMap<string, readonly number[]>;

/** Which shape the arguments give to `count` numbers, and in which order; undefined where they say nothing of it. */
export function shapeGiven(
  name: string,
  count: number,
  given: Arguments,
): { shape: number[]; byRow: boolean } | undefined {
  const byRow = given.get("shape") ?? given.get("size");
  const byColumn = given.get("dim") ?? given.get(".Dim");
  const shape = byRow ?? byColumn;
  if (shape !== undefined) return { shape: [...shape], byRow: byRow !== undefined };
  if (name !== "matrix") return undefined;
  const [rows, columns, order] = ["nrow", "ncol", "byrow"].map(
    (key, i) => (given.get(key) ?? given.get(String(i + 1)))?.[0],
  );
  const height = rows ?? (columns === undefined ? count : count / columns);
  return { shape: [height, columns ?? count / height], byRow: order === 1 };
}

/** Puts the numbers from a place on, which fill an array column by column, into row-major order. */
export function orderByRows(values: number[], first: number, shape: readonly number[]): void {
  const source = values.slice(first);
  for (let index = 0; index < source.length; index++) {
    let [place, rest, stride] = [0, index, source.length];
    for (const length of [...shape].reverse()) {
      stride /= length;
      place += (rest % length) * stride;
      rest = Math.floor(rest / length);
    }
    values[first + index] = source[place];
  }
}
