import type { ResultSink } from "../../stream/quantize-stream.js";
import { bytesPerElement, elementsOf } from "../../tensor/dtypes.js";
import { bytesIn, scaleBytes } from "../../tensor/stored-scales.js";
import type { CodeSink, WriteBytes } from "../format.js";
import type { OnnxChoice } from "./way.js";

// Codes and scales as bytes of the file.

export function codeSink(choice: OnnxChoice, writeCodes: WriteBytes, writeScales: WriteBytes): CodeSink {
  if (choice.pattern === "MatMulNBits") return matMulNBitsSink(choice, writeCodes, writeScales);
  const { storedBits, weight } = choice;
  const { scaleType } = choice.scheme;
  const length = elementsOf(weight.shape); // these patterns fill nothing up
  return {
    quantized: storedBits >= 8 ? wholeBytes(storedBits / 8, writeCodes) : packed(storedBits, length, writeCodes),
    scales: (start, scales) => writeScales(bytesPerElement(scaleType) * start, scaleBytes(scales, scaleType)),
  };
}

function wholeBytes(bytesEach: number, write: WriteBytes): ResultSink["quantized"] {
  return (start, codes) => {
    // Codes of up to 8 bits come in bytes, of more in two.
    const stored = codes.BYTES_PER_ELEMENT === bytesEach ? codes : Int16Array.from(codes);
    return write(start * bytesEach, bytesIn(stored));
  };
}

/** Some codes in each byte, the first in its lowest bits; what is missing at the end is 0. */
function packed(bits: number, count: number, write: WriteBytes): ResultSink["quantized"] {
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  /** Bytes of which some codes are still to come. */
  const unfinished = new Map<number, { bits: number; held: number }>();
  return async (start, codes) => {
    const end = start + codes.length;
    const first = Math.floor(start / perByte);
    const bytes = new Uint8Array(Math.ceil(end / perByte) - first);
    for (let i = 0; i < codes.length; i++) {
      const at = start + i;
      bytes[Math.floor(at / perByte) - first] |= ((codes[i] as number) & mask) << (bits * (at % perByte));
    }
    const isWhole = async (byte: number) => {
      const [from, to] = [byte * perByte, (byte + 1) * perByte];
      const wanted = Math.min(count, to) - from;
      const before = unfinished.get(byte) ?? { bits: 0, held: 0 };
      const held = Math.min(end, to) - Math.max(start, from);
      if (held === wanted) return true;
      const now = { bits: before.bits | (bytes[byte - first] as number), held: before.held + held };
      unfinished.set(byte, now);
      if (now.held === wanted) {
        unfinished.delete(byte);
        await write(byte, Uint8Array.of(now.bits));
      }
      return false;
    };
    const last = first + bytes.length - 1;
    const from = (await isWhole(first)) ? first : first + 1;
    const to = last > first && !(await isWhole(last)) ? last : last + 1;
    if (from < to) await write(from, bytes.subarray(from - first, to - first));
  };
}

/**
 * com.microsoft's MatMulNBits with 4 bits takes the weights [K, N] by columns: codes [N, K / group, group / 2] as code + 8,
 * two in a byte, and scales [N, K / group]. Held in memory until all are there, since they come by rows.
 */
function matMulNBitsSink(
  { quantizedShape, scheme }: OnnxChoice,
  writeCodes: WriteBytes,
  writeScales: WriteBytes,
): CodeSink {
  const [rows, columns] = quantizedShape as [number, number];
  const { group } = scheme.granularity as { group: number };
  const { scaleType } = scheme;
  const groups = rows / group;
  const codeBytes = new Uint8Array((rows * columns) / 2);
  const byColumn = new Float32Array(groups * columns);
  return {
    async quantized(start, codes) {
      for (let i = 0; i < codes.length; i++) {
        const row = Math.floor((start + i) / columns);
        const at = ((start + i) % columns) * rows + row;
        codeBytes[Math.floor(at / 2)] |= ((codes[i] as number) + 8) << (4 * (at & 1));
      }
    },
    async scales(start, scales) {
      for (let i = 0; i < scales.length; i++) {
        const block = Math.floor((start + i) / columns);
        byColumn[((start + i) % columns) * groups + block] = scales[i] as number;
      }
    },
    async finish() {
      await writeCodes(0, codeBytes);
      await writeScales(0, scaleBytes(byColumn, scaleType));
    },
  };
}
