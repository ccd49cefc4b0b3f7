// Models of any size that take almost no room on the disk, for measurements of memory and time.

import { open } from "node:fs/promises";

/**
 * Writes the header of a .safetensors model of float32 tensors, and extends the file to the length that it states.
 * @param {string} path
 * @param {number[][]} shapes
 * @returns {Promise<number>} the bytes of all tensors
 */
export async function writeSparseModel(path, shapes) {
  /** @type {Record<string, object>} */
  const header = {};
  let length = 0;
  for (const [i, shape] of shapes.entries()) {
    const byteLength = 4 * shape.reduce((a, b) => a * b, 1);
    header[`layers.${i}.weight`] = { dtype: "F32", shape, data_offsets: [length, length + byteLength] };
    length += byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(json.length));
  const file = await open(path, "w");
  const dataStart = 8 + json.length;
  await file.write(Buffer.concat([start, json]), 0, dataStart, 0);
  await file.truncate(dataStart + length);
  // A few weights are not zero, because blocks of zeros take a path of their own. Their places differ from row to row,
  // since a block may be some columns of a few rows.
  const weight = Buffer.from(Float32Array.of(1).buffer);
  for (let at = 0; at < length; at += 11 * 2 ** 14) await file.write(weight, 0, 4, dataStart + at);
  await file.close();
  return length;
}
