import { shorten } from "./shorten.js";

/** The reason why a text is not the JSON that is wanted, and the place of the character. */
export class JsonProblem extends Error {
  readonly at: number;

  constructor(at: number, reason: string) {
    super(reason);
    this.at = at;
  }
}

/**
 * Models have far fewer: a header of safetensors has 8 for each matrix. Without a limit, a crafted file of 100 MB would
 * take gigabytes of memory.
 */
const MAX_VALUES = 2 ** 21;

/**
 * Parses JSON more strictly than JSON.parse: no object may have a name twice, and nesting and the number of values are
 * limited.
 *
 * @returns the value, and the places of the outermost object's names.
 * @throws {JsonProblem}
 */
export function parseJson(text: string, maxDepth: number): { value: unknown; places: Map<string, number> } {
  const places = new Map<string, number>();
  /** The names so far in each open object; undefined for an array. */
  const open: (Map<string, number> | undefined)[] = [];
  /** The number of values in arrays and objects; an empty one counts as having one. */
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if ((character === "," || character === "{" || character === "[") && ++values > MAX_VALUES) {
      throw new JsonProblem(at, `it has more than ${MAX_VALUES} values, and no model has so many`);
    }
    if (character === "{" || character === "[") {
      if (open.length === maxDepth) throw new JsonProblem(at, `it is nested more than ${maxDepth} deep`);
      open.push(character === "[" ? undefined : open.length === 0 ? places : new Map());
    } else if (character === "}" || character === "]") {
      open.pop();
    } else if (character === '"') {
      const end = endOfString(text, at);
      const names = open.at(-1);
      if (names !== undefined && isName(text, end)) {
        const quoted = text.slice(at, end);
        const name = quoted.includes("\\") ? (parse(quoted, at) as string) : quoted.slice(1, -1);
        if (names.has(name)) throw new JsonProblem(at, `it has the name ${shorten(quoted, 80)} twice`);
        names.set(name, at);
      }
      at = end - 1;
    }
  }
  return { value: parse(text, 0), places };
}

/** The place after the quote that ends the string. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  throw new JsonProblem(start, "a string has no end");
}

function isName(text: string, after: number): boolean {
  while (text[after] === " " || text[after] === "\n" || text[after] === "\r" || text[after] === "\t") after++;
  return text[after] === ":";
}

function parse(text: string, at: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new JsonProblem(at, `it is not JSON: ${(error as Error).message}`);
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
