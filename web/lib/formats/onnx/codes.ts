import type { Engine } from "../../core/memory/buffers.js";
import { fields } from "../../storage/fields.js";
import { integers } from "../../storage/integers.js";
import { codeWriter } from "../../storage/storage.js";
import { bytesPerElement, elementsOf } from "../../tensor/dtypes.js";
import { scaleBytes } from "../../tensor/stored-scales.js";
import type { CodeSink, WriteBytes } from "../output.js";
import type { OnnxChoice } from "./forms/form.js";

// Writes codes and scales as they lie in the file.

export function codeSink(
  engine: Engine,
  choice: OnnxChoice,
  writeCodes: WriteBytes,
  writeScales: WriteBytes,
): CodeSink {
  if (choice.pattern === "MatMulNBits") return matMulNBitsSink(choice, writeCodes, writeScales);
  const { storedBits, weight } = choice;
  const { scaleType } = choice.scheme;
  const storage =
    storedBits === 8 || storedBits === 16
      ? integers(storedBits)
      : fields({ bits: storedBits, offset: false }, elementsOf(weight.shape)); // no form that comes here has padding
  return {
    quantized: codeWriter(engine, storage, writeCodes),
    scales: (start, scales) => writeScales(bytesPerElement(scaleType) * start, scaleBytes(scales, scaleType)),
  };
}

/**
 * Writes codes and scales for com.microsoft's MatMulNBits, which takes the weights [K, N] by columns: codes [N, K /
 * group, bytes], two to a byte as code + 8, or one as code + 128, and scales [N, K / group]. Weights come by rows, so
 * everything is held in memory until the last.
 */
function matMulNBitsSink(
  { quantizedShape, scheme, storedBits }: OnnxChoice,
  writeCodes: WriteBytes,
  writeScales: WriteBytes,
): CodeSink {
  const [rows, columns] = quantizedShape as [number, number];
  const { group } = scheme.granularity as { group: number };
  const { scaleType } = scheme;
  const groups = rows / group;
  const perByte = 8 / storedBits;
  const half = 2 ** (storedBits - 1);
  const codeBytes = new Uint8Array((rows * columns) / perByte);
  const byColumn = new Float32Array(groups * columns);
  return {
    async quantized(start, codes) {
      for (let i = 0; i < codes.length; i++) {
        const row = Math.floor((start + i) / columns);
        const at = ((start + i) % columns) * rows + row;
        codeBytes[Math.floor(at / perByte)] |= ((codes[i] as number) + half) << (storedBits * (at % perByte));
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
