import type { WeightArray } from "../../core/arguments.js";
import { arrayKinds } from "../../core/dtype.js";
import { NonFiniteError } from "../../core/errors.js";
import { joinedRows } from "../../core/memory/staging.js";
import { arrayOver } from "../../core/outputs.js";
import type { TotalErrors } from "../../core/types.js";
import { lenderOf, lentOrNot } from "../../io/lent-files.js";
import type { BlockEncoder } from "../../storage/ggml/blocks.js";
import { fileRows } from "../../stream/file-rows.js";
import { FloatSums } from "../../stream/float-sums.js";
import { Pipeline } from "../../stream/pipeline.js";
import type { Runner } from "../../stream/runner.js";
import type { EncodeDone, Encoding } from "../../stream/tasks.js";
import type { TensorCourse } from "../../tensor/course.js";
import { bytesPerElement, elementsOf, type FloatDtype } from "../../tensor/dtypes.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import type { WriteBytes } from "../output.js";
import { isDecoded } from "./tensors.js";
import { bytesOfType, type GgufType } from "./types.js";

/** The most weights that are encoded at a time: whole blocks of every type. */
const STRETCH_ELEMENTS = 2 ** 19;

/**
 * Writes a tensor in a block type, and returns the error figures, which are the same for any number of workers.
 *
 * @throws {NonFiniteError} for NaN and infinities, which blocks cannot hold.
 * @throws {RangeError} where a weight or a scale is too large for a float16.
 */
export async function encodeTensor(
  runner: Runner,
  tensor: ModelTensor,
  type: GgufType,
  encoder: BlockEncoder,
  write: WriteBytes,
  { signal, progress }: TensorCourse,
): Promise<TotalErrors> {
  const encoding = await encodingOf(type, encoder);
  const dtype = tensor.dtype as FloatDtype;
  const elements = elementsOf(tensor.shape);
  const size = bytesPerElement(dtype);
  const sums = new FloatSums(runner.engine, elements, dtype === "float64");
  const most = sums.stretchOf(STRETCH_ELEMENTS);
  const pipeline = new Pipeline(2 * runner.width + 2, signal);
  await lentOrNot(runner.hasFiles ? lenderOf(tensor) : undefined, async (place) => {
    try {
      for (let start = 0; start < elements; start += most) {
        const count = Math.min(most, elements - start);
        const part = sums.partOf(count);
        const weights = async () => {
          if (place) return fileRows(place, { offset: start, stride: count, count: 1, width: count, part }, size);
          const { buffer } = await tensor.read(start * size, count * size);
          return joinedRows(arrayOver(arrayKinds[dtype], buffer, count) as WeightArray, part);
        };
        await pipeline.room();
        pipeline.add(
          async () => runner.run({ kind: "encode", dtype, part, weights: await weights(), encoding }),
          async ({ problem, bytes, figures }) => {
            if (problem !== undefined) throw errorOf(problem, start, tensor, type);
            sums.add(part, figures);
            await write(bytesOfType(type, start), bytes);
            progress((start + count) / elements);
          },
        );
      }
      await pipeline.finished();
    } finally {
      await pipeline.quiet();
    }
  });
  return sums.figures();
}

async function encodingOf({ name, dtype }: GgufType, encoder: BlockEncoder): Promise<Encoding> {
  if (dtype !== undefined) return { dtype: dtype as FloatDtype };
  if (!isDecoded(name)) throw new Error(`blocks of ${name} are not written`);
  const { compileBlocks } = await import("../../storage/ggml/load-blocks.js");
  return { blockType: name, encoder, module: await compileBlocks() };
}

function errorOf(
  problem: NonNullable<EncodeDone["problem"]>,
  start: number,
  { shape }: ModelTensor,
  { name }: GgufType,
): RangeError {
  const index = start + problem.index;
  if (problem.isTooLarge) {
    const holds = "whose float16 holds at most 65504";
    const remedy = "exclude the tensor, or take the type BF16";
    return new RangeError(`weight ${index} is ${problem.value}, too large for ${name}, ${holds}: ${remedy}`);
  }
  const rowLength = elementsOf(shape) / (shape[0] ?? 1);
  return new NonFiniteError(index, Math.floor(index / rowLength), problem.value);
}
