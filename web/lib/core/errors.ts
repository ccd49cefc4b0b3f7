import { shownName } from "./printable.js";

/** An error for a weight that is NaN or infinite, which has no code, and whose channel has no scale. */
export class NonFiniteError extends RangeError {
  /** The name of the error: "NonFiniteError". */
  override readonly name = "NonFiniteError";
  /** The index of the first such weight in the array (row-major). */
  readonly index: number;
  /** The index of its channel or group, as in `scales`. */
  readonly channel: number;
  /** The weight: NaN, Infinity or -Infinity. */
  readonly value: number;
  /** The tensor of a model; undefined where there is only one. */
  readonly tensor: string | undefined;

  constructor(index: number, channel: number, value: number, tensor?: string) {
    const where = tensor === undefined ? "" : `tensor ${shownName(tensor)}: `;
    super(`${where}weights[${index}] (channel ${channel}) is ${value}; weights must be finite`);
    this.index = index;
    this.channel = channel;
    this.value = value;
    this.tensor = tensor;
  }
}

/** The error for weights that have changed when they are read again. */
export function changedError(): Error {
  return new Error("weights changed while they were quantized; they must stay as they are");
}

/** The place and the reason why a file cannot be read. */
export interface FormatProblem {
  /** The file's name, as given by the caller. */
  readonly file: string;
  /** The tensor inside the file, where it has names. */
  readonly tensor?: string | undefined;
  /** The offset of the problem in bytes. */
  readonly offset: number;
  /** What is wrong, the value and the limit, and what to do. */
  readonly reason: string;
}

/** An error for a malformed or unsupported file. */
export class FormatError extends Error {
  /** The name of the error: "FormatError". */
  override readonly name = "FormatError";
  /** The file's name, as given by the caller. */
  readonly file: string;
  /** The tensor inside the file, where it has names. */
  readonly tensor: string | undefined;
  /** The offset of the problem in bytes. */
  readonly offset: number;
  /** What is wrong, the value and the limit, and what to do. */
  readonly reason: string;

  constructor({ file, tensor, offset, reason }: FormatProblem) {
    const where = tensor === undefined ? "" : `, tensor ${shownName(tensor)}`;
    super(`${shownName(file)}${where}, byte ${offset}: ${reason}`);
    this.file = file;
    this.tensor = tensor;
    this.offset = offset;
    this.reason = reason;
  }
}
