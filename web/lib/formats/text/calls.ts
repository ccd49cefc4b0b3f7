/** Recognises calls that make arrays in R, Python, JavaScript and other languages, and what these print. */

/** Functions whose arguments are the elements. */
const LISTS = /(?:^|[.:])(?:c|rbind|cbind|list|tuple|of|vec!)$/;

/** Functions of an array and of arguments for its type or shape, and names of number types. */
const ARRAYS =
  /(?:^|[.:])(?:(?:as|device|(?:u?int|float)\d\d?(?:clamped)?)?array|\w*tensor|constant|variable|parameter|matrix|mat|structure|from|b?float\d*|f\d\d|double|half|single|u?int\d*|long)$/i;

const LONGEST_NAME = 60;

export function kindOfName(name: string): "list" | "array" | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  if (LISTS.test(name)) return "list";
  return ARRAYS.test(name) ? "array" : undefined;
}

/** The numbers in each argument, by its name, or by its position after the array. */
export type Arguments = ReadonlyMap<string, readonly number[]>;

/** The shape and order that the arguments give to `count` numbers; undefined where they give none. */
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

/** Reorders the numbers from a place on from column-major to row-major. */
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
