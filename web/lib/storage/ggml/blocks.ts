import { NonFiniteError } from "../../core/errors.js";
import type { CompiledModule } from "../../core/wasm/compiled-module.js";
import { instantiateWith } from "../../core/wasm/instantiate.js";
import { type BlockType, type BlockTypeInfo, blockTypes } from "./block-types.js";
import createModule, { type BlockBindings } from "./glue.js";

/** The method that chooses scales and codes of a block. */
export type BlockEncoder = (typeof encoders)[number];

/**
 * "ggml" gives the same bytes as ggml. "search" gives blocks of the same size for the same readers, whose sum of
 * squared errors is smaller, and never larger. Smaller errors of the weights do not always make a better model.
 */
const encoders = ["ggml", "search"] as const;

let shared: Promise<Blocks> | undefined;

/** The blocks of a module, of which each thread has one. */
export function blocksOf(module: CompiledModule): Promise<Blocks> {
  shared ??= instantiateWith(createModule, module)
    .then((bindings) => new Blocks(bindings))
    .catch((error: unknown) => {
      shared = undefined;
      throw error;
    });
  return shared;
}

/** Turns weights into ggml's blocks and back. Decoding, and the encoder "ggml", equal ggml on x86-64 bit for bit. */
export class Blocks {
  /** The types that can be decoded, by name. */
  readonly types = blockTypes;
  readonly #bindings: BlockBindings;
  readonly #weights: Float32Array<ArrayBuffer>;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(bindings: BlockBindings) {
    this.#bindings = bindings;
    this.#weights = bindings.weights();
    const { buffer, byteOffset, byteLength } = bindings.bytes();
    this.#bytes = new Uint8Array(buffer, byteOffset, byteLength);
  }

  /**
   * Encodes weights into blocks, in order.
   *
   * @param into - Bytes to be filled instead of new ones, exactly as many as needed.
   * @throws {RangeError} where the type can only be decoded, or the last block is not full.
   * @throws {NonFiniteError} for NaN and infinities; its `channel` is the block.
   */
  encode(
    type: BlockType,
    weights: Float32Array,
    encoder: BlockEncoder,
    into?: Uint8Array<ArrayBuffer>,
  ): Uint8Array<ArrayBuffer> {
    const { id, blockLength, blockBytes, encodes } = infoOf(type);
    if (!encoders.includes(encoder)) {
      throw new RangeError(`encoder must be "ggml" or "search", not ${JSON.stringify(encoder)}`);
    }
    if (!encodes) throw new RangeError(`type must be one that can be encoded, not ${type}, which can only be decoded`);
    const count = wholeBlocks("weights", weights.length, blockLength, type);
    const bytes = into ?? new Uint8Array(count * blockBytes);
    if (bytes.length !== count * blockBytes) throw lengthError("bytes", bytes.length, count * blockBytes);
    const most = this.#weights.length / blockLength;
    for (let first = 0; first < count; first += most) {
      const blocks = Math.min(most, count - first);
      this.#weights.set(weights.subarray(first * blockLength, (first + blocks) * blockLength));
      if (!this.#bindings.encode(id, blocks, encoder === "search")) throw nonFiniteError(weights, blockLength);
      bytes.set(this.#bytes.subarray(0, blocks * blockBytes), first * blockBytes);
    }
    return bytes;
  }

  /**
   * Decodes whole blocks into weights. Scales in a damaged file can be NaN or infinite, and then so are the weights.
   *
   * @param into - Weights to be filled instead of new ones, exactly as many as needed.
   * @throws {RangeError} where the last block is not whole.
   */
  decode(type: BlockType, bytes: Uint8Array, into?: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    const { id, blockLength, blockBytes } = infoOf(type);
    const count = wholeBlocks("bytes", bytes.length, blockBytes, type);
    const weights = into ?? new Float32Array(count * blockLength);
    if (weights.length !== count * blockLength) throw lengthError("weights", weights.length, count * blockLength);
    const most = this.#weights.length / blockLength;
    for (let first = 0; first < count; first += most) {
      const blocks = Math.min(most, count - first);
      this.#bytes.set(bytes.subarray(first * blockBytes, (first + blocks) * blockBytes));
      this.#bindings.decode(id, blocks);
      weights.set(this.#weights.subarray(0, blocks * blockLength), first * blockLength);
    }
    return weights;
  }
}

function infoOf(type: BlockType): BlockTypeInfo {
  if (Object.hasOwn(blockTypes, type)) return blockTypes[type];
  throw new RangeError(`type must be one of ${Object.keys(blockTypes).join(", ")}, not ${JSON.stringify(type)}`);
}

function wholeBlocks(what: string, length: number, ofBlock: number, type: BlockType): number {
  if (length % ofBlock === 0) return length / ofBlock;
  throw new RangeError(`${what} must fill whole blocks of ${type}: ${length} is not a multiple of ${ofBlock}`);
}

function lengthError(what: string, length: number, needed: number): RangeError {
  return new RangeError(`into must hold ${needed} ${what}, not ${length}`);
}

function nonFiniteError(weights: Float32Array, blockLength: number): NonFiniteError {
  const index = weights.findIndex((weight) => !Number.isFinite(weight));
  return new NonFiniteError(index, Math.floor(index / blockLength), weights[index]);
}
