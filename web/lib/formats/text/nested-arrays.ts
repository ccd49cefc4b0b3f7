import { MAX_RANK } from "../../tensor/dtypes.js";
import { type Arguments, kindOfName, orderByRows, shapeGiven } from "./calls.js";
import { DecimalCommas } from "./decimal-commas.js";
import { numberIn, quote, whyNoWeight } from "./numbers.js";
import { RowLengths } from "./row-lengths.js";
import type { TextMatrix } from "./text-matrix.js";
import { Tokens } from "./tokens.js";

/** The closing bracket for each opening one. */
const CLOSING = new Map(["[]", "()", "{}"].map(([opening, closing]) => [opening, closing]));

/** A name with a value: {"w": [1, 2]}, {w = {1, 2}}. */
const OBJECT = /\{\s*(?:"[^"\n]{0,200}"|'[^'\n]{0,200}'|[\w.$-]{1,100})\s{0,9}[:=]/y;
const NAMED = /[\w.]{1,40}\s{0,9}=(?!>)/y;

type Shape = readonly number[];
const NUMBER: Shape = [];

/**
 * Reads numbers in brackets: lists, tuples and initializers of JSON and other languages, rows ended by semicolons,
 * calls of R and Python, and the output of numpy and other libraries, where spaces take the place of commas. Arrays may
 * be nested, but must form a tensor.
 *
 * @param from the place where they begin.
 * @param isCode whether they are assigned to something, rather than printed.
 * @param notes notes on the text before them.
 */
export function parseNestedArrays(text: string, from: number, isCode: boolean, notes: readonly string[]): TextMatrix {
  const reader = new Reader(text, from, isCode);
  const shape = reader.all();
  return {
    values: Float64Array.from(reader.values),
    shape: shape.length < 2 ? [1, shape[0] ?? 1] : [...shape],
    layout: "nested arrays",
    notes: [...notes, ...reader.notes, ...reader.comments.notes()],
  };
}

class Reader extends Tokens {
  readonly values: number[] = [];
  readonly notes = new Set<string>();
  readonly #isCode: boolean;
  /** The indices in the arrays that are open. */
  #path: number[] = [];
  /** The number of brackets that are open. */
  #depth = 0;

  constructor(text: string, from: number, isCode: boolean) {
    super(text, from);
    this.#isCode = isCode;
  }

  /** Reads the array, or several in a row, each as a row. Returns the shape. */
  all(): Shape {
    const { start } = this;
    const shape = this.#value();
    if (shape === NUMBER) this.fail("a single number is not an array", "", start, this.previousEnd);
    let rows = 1;
    for (let separated = this.#passes(); !this.is(""); separated = this.#passes()) {
      const begins = CLOSING.has(this.token) || kindOfName(this.token) !== undefined;
      if (!begins || shape === NUMBER || !(separated || this.isFirst)) {
        this.fail(`${quote(this.token)} follows the end of the arrays`);
      }
      this.#path = [rows++];
      this.#mustFollow(this.#value(), shape);
    }
    if (rows === 1) return shape;
    this.notes.add(`${rows} arrays follow each other; each was read as a row.`);
    return [rows, ...shape];
  }

  /** Skips a comma or semicolon. Returns whether there was one. */
  #passes(): boolean {
    const passes = this.is(",") || this.is(";");
    if (passes) this.next();
    return passes;
  }

  #value(): Shape {
    while (this.is("new")) this.next();
    const { token } = this;
    if (CLOSING.has(token)) {
      const shape = this.begins(OBJECT) ? this.#object() : this.#list();
      return shape === NUMBER ? this.#afterLength() : shape;
    }
    // In MATLAB, a percent sign begins a comment.
    const value = token.endsWith("%") ? Number.NaN : numberIn(token);
    if (Number.isNaN(value)) return this.#named();
    if (!Number.isFinite(value)) this.#fail(whyNoWeight(token));
    this.values.push(value);
    this.next();
    return NUMBER;
  }

  /** Reads a call, or an array after the name of its type. */
  #named(): Shape {
    const { token: name, start } = this;
    const kind = kindOfName(name);
    if (kind === undefined || !/^\s*[[{(]/.test(this.text.slice(this.end, this.end + 99)))
      this.#fail(whyNoWeight(name));
    this.next();
    if (!this.is("(")) return this.#list();
    const first = this.values.length;
    if (kind === "list") return this.#listOfR(name, this.#list(), first);
    const { shape, given, isVector } = this.#arguments(name);
    const size = isVector || given.has("shape") ? shapeGiven(name, this.values.length - first, given) : undefined;
    if (size !== undefined) return this.#shaped(size.shape, first, size.byRow);
    if (name === "structure") this.fail("this structure has no dim, which it needs to be read", "", start);
    if (shape !== NUMBER || given.size > 0) return shape;
    if (!this.is("[") && /Array$/.test(name)) this.fail("only the length of this array is shown", "", start);
    return this.#afterLength();
  }

  /** In R, c makes one vector, and rbind and cbind a matrix of rows or columns. */
  #listOfR(name: string, shape: Shape, first: number): Shape {
    if (name === "c") return [this.values.length - first];
    if (!name.endsWith("bind") || shape === NUMBER) return shape;
    const [count, length = 1, ...more] = shape;
    if (more.length > 0) this.#fail("matrices are joined here, which is not read");
    return name === "rbind" ? [count, length] : this.#shaped([length, count], first, false);
  }

  /**
   * Reads an array that Node or a browser printed after its length, which was read as a number: Float32Array(3) [ 1, 2,
   * 3 ], (3) [1, 2, 3].
   */
  #afterLength(): Shape {
    if (!this.is("[") || this.isFirst) return NUMBER;
    const { start } = this;
    const length = this.values.pop();
    const shape = this.#list();
    if (shape[0] !== length) this.fail(`of ${length} elements ${shape[0]} are there`, "", start, this.previousEnd);
    return shape;
  }

  /** Gives the numbers from a place on another shape. R fills columns one after the other. */
  #shaped(shape: number[], first: number, byRow: boolean): Shape {
    const count = this.values.length - first;
    if (!shape.every(Number.isInteger) || shape.reduce((product, length) => product * length, 1) !== count) {
      this.#fail(`${count} numbers do not fill ${shape.join(" × ")}`);
    }
    if (byRow) return shape.length === 0 ? NUMBER : shape;
    this.notes.add("The numbers fill the columns one after the other, as in R.");
    orderByRows(this.values, first, shape);
    return shape;
  }

  /** Reads an array and the other arguments of a call. */
  #arguments(name: string): { shape: Shape; given: Arguments; isVector: boolean } {
    this.#open();
    const first = this.#passesName();
    if (/ind(?:ices|ptr)$/.test(first)) this.#fail("this array is sparse: print it dense, such as with to_dense()");
    const isVector = !CLOSING.has(this.token);
    const shape = this.#value();
    const given = new Map<string, number[]>();
    while (this.#passes()) {
      const key = this.#passesName();
      const numbers: number[] = [];
      for (let depth = 0; !this.is("") && (depth > 0 || !/^[,)]$/.test(this.token)); this.next()) {
        if (CLOSING.has(this.token)) depth++;
        else if (/^[\])}]$/.test(this.token)) depth--;
        const number = /^T(?:RUE)?$/.test(this.token) ? 1 : numberIn(this.token);
        // A type may be given without a name.
        const isOther = depth > 0 || numbers.length > 0 || !(Number.isNaN(number) || name === "matrix");
        if (key === "" && isOther) this.#fail(`${quote(this.token)} is not read here; give one array alone`);
        numbers.push(number);
      }
      given.set(key || String(given.size + 1), numbers.filter(Number.isFinite));
    }
    this.#close(")");
    return { shape, given, isVector };
  }

  /** Skips `name =`, and returns the name. */
  #passesName(): string {
    const name = this.begins(NAMED) ? this.token : "";
    if (name !== "") {
      this.next();
      this.next();
    }
    return name;
  }

  /** Reads an object with one array, or a typed array as JSON writes it: {"0": 0.5, "1": 0.25}. */
  #object(): Shape {
    let [count, shape, more] = [0, NUMBER, false];
    this.#open();
    do {
      const isPlace = this.token.replace(/\W/g, "") === String(count);
      this.next();
      this.next(); // the colon
      shape = this.#value();
      more = this.#passes() && !this.is("}");
      if (shape === NUMBER ? !isPlace : count > 0 || more) {
        this.#fail("this object is not one array; give an array alone, such as [[1, 2], [3, 4]]");
      }
      count++;
    } while (more);
    this.#close("}");
    return shape === NUMBER ? [count] : shape;
  }

  #list(): Shape {
    const isParenthesis = this.is("(");
    const close = CLOSING.get(this.token) as string;
    const path = this.#path;
    /** The rows that semicolons end, and the lines that no comma ends. */
    const [rows, lines] = [new RowLengths(), new RowLengths()];
    const decimals = new DecimalCommas();
    let [count, commas, afterElement] = [0, 0, false];
    let element: Shape | undefined;
    const endRow = () => {
      if (!rows.end()) this.#fail(`a row of ${rows.last} follows one of ${rows.first}; rows must be of one length`);
      this.#path = [...path, rows.count, 0];
    };
    this.#open();
    this.#path = [...path, 0];
    while (!this.is(close)) {
      if (this.is("")) this.#fail(`the text ends before ${this.#depth === 1 ? "a bracket" : "the brackets"} closed`);
      if (this.is(";")) {
        endRow();
        afterElement = false;
        this.next();
      } else if (this.is(",")) {
        if (!afterElement) this.#fail("a number is missing before the comma");
        afterElement = false;
        commas++;
        this.next();
      } else {
        if (afterElement && this.isFirst) {
          lines.end();
          if (rows.count > 0) endRow();
        }
        if (isParenthesis) this.#passesName();
        decimals.element(this, afterElement && !this.isFirst, () => this.#place());
        const shape = this.#value();
        element ??= shape;
        this.#mustFollow(shape, element);
        this.#path[this.#path.length - 1]++;
        rows.length++;
        lines.length++;
        count++;
        afterElement = true;
      }
    }
    if (rows.count > 0) endRow();
    this.#path = path;
    if (element === undefined) return this.#fail("the array is empty");
    for (const note of element === NUMBER && this.notes.size === 0 ? decimals.end(this) : []) this.notes.add(note);
    const areRows =
      element === NUMBER && lines.count > 0 && path.length + rows.count === 0 && this.#areRows(lines, commas > 0);
    this.#close(close);
    if (isParenthesis && count === 1 && commas === 0) return element;
    const { count: height, first: width } = areRows ? lines : rows;
    if (height === 0) return [count, ...element];
    if (element !== NUMBER && width > 1) this.#fail("arrays are joined in rows and columns here, which is not read");
    return element === NUMBER ? [height, width] : [count, ...element];
  }

  #mustFollow(shape: Shape, first: Shape) {
    if (shape === first || shape.join() === first.join()) return;
    const [here, there] = [shape, first].map((each) =>
      each === NUMBER ? "a number" : `an array of ${each.join(" × ")}`,
    );
    this.fail(
      `${here} follows ${there}; rows must be of one length`,
      this.#place(),
      this.previousEnd - 1,
      this.previousEnd,
    );
  }

  /**
   * Whether the end of a line ends a row, as in MATLAB. In what numpy prints it does not, and the last line is usually
   * shorter.
   */
  #areRows(lines: RowLengths, hasCommas: boolean): boolean {
    const [areEven, areRows] = [lines.end(), hasCommas || this.#isCode];
    if (areEven !== areRows) this.#fail("lines may be rows or not; write semicolons or commas at their ends");
    this.notes.add(areRows ? "Each line was read as a row." : "All lines were read as one row.");
    return areRows;
  }

  #open() {
    if (++this.#depth > MAX_RANK) this.#fail(`arrays are nested more than ${MAX_RANK} deep`);
    this.next();
  }

  #close(bracket: string) {
    if (!this.is(bracket)) this.#fail(`a comma or ${quote(bracket)} must stand here`);
    this.#depth--;
    this.next();
  }

  #fail(reason: string): never {
    const column = this.#path.length === 2 ? this.#path[1] + 1 : undefined;
    return this.fail(reason, this.#place(), this.start, this.end, column);
  }

  /** The place of the reader: row and column counted from 1 in a matrix, otherwise indices from 0 as in code. */
  #place(): string {
    const [first, second] = this.#path.map((index) => index + 1);
    if (this.#path.length > 2) return `, at [${this.#path.join("][")}]`;
    if (second !== undefined) return `, row ${first}, column ${second}`;
    return first === undefined ? "" : `, element ${first}`;
  }
}
