import type { CodeArray } from "../../core/arguments.js";
import type { Engine } from "../../core/memory/buffers.js";
import { bytesOfRows, fields } from "../../storage/fields.js";
import { integers } from "../../storage/integers.js";
import { codeWriter } from "../../storage/storage.js";
import { bytesPerElement, elementsOf } from "../../tensor/dtypes.js";
import { paddingOf } from "../../tensor/padding.js";
import { scaleBytes } from "../../tensor/stored-scales.js";
import type { CodeSink, WriteBytes } from "../output.js";
import { type OnnxChoice, scaleShapeOf } from "./forms/form.js";

// Writes codes, scales and zero points as they lie in the file.

/** What writes each of the tensors that stand for a weight. */
interface Writers {
  readonly codes: WriteBytes;
  readonly scales: WriteBytes;
  readonly zeroPoints: WriteBytes;
}

export function codeSink(engine: Engine, choice: OnnxChoice, write: Writers): CodeSink {
  if (choice.pattern === "MatMulNBits") return matMulNBitsSink(choice, write);
  const { pattern, storedBits, unsigned = false, weight } = choice;
  const { scaleType } = choice.scheme;
  const scaleShape = scaleShapeOf(choice);
  const packing = { bits: storedBits, offset: unsigned };
  const storageOf = (shape: readonly number[]) =>
    storedBits === 8 || storedBits === 16 ? integers(storedBits, unsigned) : fields(packing, elementsOf(shape));
  const zeroStorage =
    pattern === "GatherBlockQuantized" ? bytesOfRows(packing, scaleShape[1] as number) : storageOf(scaleShape);
  const writeCodes = codeWriter(engine, storageOf(weight.shape), write.codes);
  return {
    quantized: choice.storedShape ? withoutPadding(choice, writeCodes) : writeCodes,
    scales: (start, scales) => write.scales(bytesPerElement(scaleType) * start, scaleBytes(scales, scaleType)),
    zeroPoints: codeWriter(engine, zeroStorage, write.zeroPoints),
  };
}

/** Leaves out the codes of zeros that fill up the last groups. */
function withoutPadding({ quantizedShape, scheme, weight }: OnnxChoice, write: CodeSink["quantized"]) {
  const { along } = scheme.granularity as { along: number };
  const { before, stretches } = paddingOf(quantizedShape, along, elementsOf(weight.shape));
  return async (start: number, codes: CodeArray) => {
    const first = before(start);
    const count = before(start + codes.length) - first;
    if (count === codes.length) return write(first, codes);
    const stored = codes.slice(0, count);
    for (const [from, end] of stretches(start, codes.length)) {
      stored.set(codes.subarray(from - start, end - start), before(from) - first);
    }
    if (count > 0) await write(first, stored);
  };
}

/**
 * Writes codes and scales for com.microsoft's MatMulNBits, which takes the weights [K, N] by columns: codes [N, K /
 * group, bytes], two to a byte as code + 8, or one as code + 128, and scales [N, K / group]. Zero points are packed as
 * codes are, and begin a new byte with each column. Weights come by rows of [K, N], or of [N, K] where they are
 * transposed, so everything is held in memory until the last.
 */
function matMulNBitsSink({ quantizedShape, scheme, storedBits }: OnnxChoice, write: Writers): CodeSink {
  const { group, along } = scheme.granularity as { group: number; along: 0 | 1 };
  const rows = quantizedShape[along] as number;
  const columns = quantizedShape[1 - along] as number;
  const { scaleType } = scheme;
  const groups = rows / group;
  /** The place by columns, with `perColumn` of something in each, of what is given by the rows of the weight. */
  const placeOf = (index: number, given: number, perColumn: number) => {
    const [row, column] =
      along === 0 ? [Math.floor(index / columns), index % columns] : [index % given, Math.floor(index / given)];
    return column * perColumn + row;
  };
  const perByte = 8 / storedBits;
  const half = 2 ** (storedBits - 1);
  const codeBytes = new Uint8Array((rows * columns) / perByte);
  const byColumn = new Float32Array(groups * columns);
  const zerosPerColumn = Math.ceil(groups / perByte) * perByte;
  const zeroBytes = new Uint8Array(scheme.zeroPoints ? (zerosPerColumn * columns) / perByte : 0);
  /** Puts integers, `count` for a column, into bytes that have `perColumn` of them. */
  const pack = (bytes: Uint8Array, count: number, perColumn: number) => (start: number, given: CodeArray) => {
    for (let i = 0; i < given.length; i++) {
      const at = placeOf(start + i, count, perColumn);
      bytes[Math.floor(at / perByte)] |= ((given[i] as number) + half) << (storedBits * (at % perByte));
    }
  };
  return {
    quantized: pack(codeBytes, rows, rows),
    zeroPoints: pack(zeroBytes, groups, zerosPerColumn),
    async scales(start, scales) {
      for (let i = 0; i < scales.length; i++) {
        byColumn[placeOf(start + i, groups, groups)] = scales[i] as number;
      }
    },
    async finish() {
      await write.codes(0, codeBytes);
      await write.scales(0, scaleBytes(byColumn, scaleType));
      if (scheme.zeroPoints) await write.zeroPoints(0, zeroBytes);
    },
  };
}
