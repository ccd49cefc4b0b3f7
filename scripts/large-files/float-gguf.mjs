import { once } from "node:events";
import { createWriteStream } from "node:fs";

// A large GGUF of float16 with weights that are no zeros: blocks of zeros would be encoded faster than others.

/** Layers of a model of 1.5 billion weights. */
const LAYERS = 28;
const COLUMNS = 2048;

/** The matrices of a layer, which the rules of llama-quantize give different types. */
const matrices = Object.entries({
  attn_q: [COLUMNS, COLUMNS],
  attn_k: [COLUMNS, COLUMNS],
  attn_v: [COLUMNS, COLUMNS],
  attn_output: [COLUMNS, COLUMNS],
  ffn_gate: [6144, COLUMNS],
  ffn_up: [6144, COLUMNS],
  ffn_down: [COLUMNS, 6144],
});

/** Bell-shaped weights, near 0.05, as float16. */
function weights(/** @type {number} */ count) {
  let state = 12345;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const floats = Float32Array.from({ length: count }, () => 0.05 * (uniform() + uniform() + uniform()));
  const bits = new Uint32Array(floats.buffer);
  const halves = Uint16Array.from(bits, (each) => {
    const exponent = ((each >>> 23) & 0xff) - 112;
    return ((each >>> 16) & 0x8000) | (exponent < 1 ? 0 : (exponent << 10) | ((each >>> 13) & 0x3ff));
  });
  return Buffer.from(halves.buffer);
}

/** @param {string} text */
function named(text) {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes]);
}

/** @param {number} value */
function u32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** @param {number} value */
function u64(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/**
 * Writes the model, and returns the bytes of its tensors.
 * @param {string} path
 */
export async function writeFloatGguf(path) {
  const keys = [
    Buffer.concat([named("general.architecture"), u32(8), named("llama")]),
    Buffer.concat([named("llama.block_count"), u32(4), u32(LAYERS)]),
  ];
  /** @type {{ info: Buffer, bytes: number }[]} */
  const tensors = [];
  let offset = 0;
  for (let layer = 0; layer < LAYERS; layer++) {
    for (const [name, [rows, columns]] of matrices) {
      const dimensions = Buffer.concat([u32(2), u64(columns), u64(rows)]);
      const bytes = 2 * rows * columns;
      tensors.push({
        info: Buffer.concat([named(`blk.${layer}.${name}.weight`), dimensions, u32(1), u64(offset)]),
        bytes,
      });
      offset += bytes;
    }
  }
  const counts = [Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(keys.length)];
  const header = Buffer.concat([...counts, ...keys, ...tensors.map(({ info }) => info)]);
  const stream = createWriteStream(path);
  stream.write(header);
  stream.write(Buffer.alloc((32 - (header.length % 32)) % 32));
  const stretch = weights(2 ** 21);
  for (const { bytes } of tensors) {
    for (let done = 0; done < bytes; done += stretch.length) {
      if (!stream.write(stretch.subarray(0, Math.min(stretch.length, bytes - done)))) await once(stream, "drain");
    }
  }
  stream.end();
  await once(stream, "finish");
  return offset;
}
