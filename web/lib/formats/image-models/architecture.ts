/** An architecture of image or video models, and what it needs. */
export interface ImageArchitecture {
  /** The name, which is the value of `general.architecture` in a GGUF. */
  readonly name: string;
  /** Lists of names. A model that has all tensors of one list is of this architecture. */
  readonly detect: readonly (readonly string[])[];
  /** A tensor that only models in the layout of diffusers have, which ComfyUI-GGUF does not load. */
  readonly diffusers?: string | undefined;
  /** Patterns of names of tensors that stay floats. */
  readonly keep: readonly string[];
  /** Patterns of names of tensors that stay float32, and do not become halves. */
  readonly float32?: readonly string[] | undefined;
  /** Patterns of names of tensors that a GGUF does not have. */
  readonly leaveOut?: readonly string[] | undefined;
  /** Whether rows that 256 does not divide become rows of 256 weights, beside which a GGUF has the true shape. */
  readonly reshape?: boolean | undefined;
  /** The number of dimensions that tensors must have, by patterns of names. Some writers drop the leading ones. */
  readonly ranks?: Readonly<Record<string, number>> | undefined;
  /** Tensors that must be there. Some writers leave out those of five dimensions. */
  readonly needs?: readonly string[] | undefined;
}

/** An architecture that is not in the table, or one of the table with more tensors that stay floats. */
export interface CustomArchitecture {
  /** The name of the architecture of the table to which this one is added. */
  readonly extends?: string | undefined;
  /** The value of `general.architecture`; by default that of the architecture which it extends. */
  readonly name?: string | undefined;
  /** Patterns of names of tensors that stay floats. */
  readonly keep?: readonly string[] | undefined;
  /** Patterns of names of tensors that stay float32, and do not become halves. */
  readonly float32?: readonly string[] | undefined;
  /** Patterns of names of tensors that a GGUF does not have. */
  readonly leaveOut?: readonly string[] | undefined;
  /** Whether rows that 256 does not divide become rows of 256 weights, beside which a GGUF has the true shape. */
  readonly reshape?: boolean | undefined;
}
