import { shownName } from "./printable.js";

/** A weight that is NaN or infinite: it has no code, and its channel no scale. */
export class NonFiniteError extends RangeError {
  /** "NonFiniteError". */
  override readonly name = "NonFiniteError";
  /** Place of the first such weight in the array (row-major). */
  readonly index: number;
  /** Its channel (or group), as in `scales`. */
  readonly channel: number;
  /** NaN, Infinity or -Infinity. */
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

/** The error for weights that are not what they were, when they are read again. */
export function changedError(): Error {
  return new Error("weights changed while they were quantized; they must stay as they are until the call has ended");
}

/** Where and why a file cannot be read. */
export interface FormatProblem {
  /** The file's name, as given by the caller. */
  readonly file: string;
  /** The tensor inside the file, where it has names. */
  readonly tensor?: string | undefined;
  /** Byte where the problem starts. */
  readonly offset: number;
  /** What is wrong, the value and the limit, and what to do. */
  readonly reason: string;
}

/** A malformed or unsupported file. */
export class FormatError extends Error {
  /** "FormatError". */
  override readonly name = "FormatError";
  /** The file's name, as given by the caller. */
  readonly file: string;
  /** The tensor inside the file, where it has names. */
  readonly tensor: string | undefined;
  /** Byte where the problem starts. */
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
