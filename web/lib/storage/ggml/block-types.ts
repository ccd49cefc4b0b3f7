/** A way in which weights of a row share bytes in a GGUF file: a block holds their scales and codes. */
export interface BlockTypeInfo {
  /** The number of the type in GGUF. */
  readonly id: number;
  /** The number of weights in a block. */
  readonly blockLength: number;
  /** The size of a block in bytes. */
  readonly blockBytes: number;
  /** Whether the library can encode the type, and not only decode it. */
  readonly encodes: boolean;
}

/**
 * The block types of ggml that this library decodes, by the names that GGUF's tools show. cpp/core/blocks/layouts.h has
 * their layouts.
 */
export const blockTypes = {
  Q4_0: { id: 2, blockLength: 32, blockBytes: 18, encodes: true },
  Q4_1: { id: 3, blockLength: 32, blockBytes: 20, encodes: true },
  Q5_0: { id: 6, blockLength: 32, blockBytes: 22, encodes: true },
  Q5_1: { id: 7, blockLength: 32, blockBytes: 24, encodes: true },
  Q8_0: { id: 8, blockLength: 32, blockBytes: 34, encodes: true },
  Q2_K: { id: 10, blockLength: 256, blockBytes: 84, encodes: true },
  Q3_K: { id: 11, blockLength: 256, blockBytes: 110, encodes: true },
  Q4_K: { id: 12, blockLength: 256, blockBytes: 144, encodes: true },
  Q5_K: { id: 13, blockLength: 256, blockBytes: 176, encodes: true },
  Q6_K: { id: 14, blockLength: 256, blockBytes: 210, encodes: true },
  IQ4_NL: { id: 20, blockLength: 32, blockBytes: 18, encodes: true },
  IQ4_XS: { id: 23, blockLength: 256, blockBytes: 136, encodes: false },
  TQ1_0: { id: 34, blockLength: 256, blockBytes: 54, encodes: false },
  TQ2_0: { id: 35, blockLength: 256, blockBytes: 66, encodes: false },
  MXFP4: { id: 39, blockLength: 32, blockBytes: 17, encodes: false },
} as const satisfies Record<string, BlockTypeInfo>;

/** The name of a block type. */
export type BlockType = keyof typeof blockTypes;
