import { lenderOf, lentBy } from "../../io/lent-files.js";
import { bytesPerElement, elementsOf, type FloatDtype, isFloatDtype } from "../../tensor/dtypes.js";
import { isFloat8, widenFloat8 } from "../../tensor/float8.js";
import { floatsOf } from "../../tensor/floats.js";
import { halfBytes } from "../../tensor/halves.js";
import { scaleBytes } from "../../tensor/stored-scales.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import type { ImageArchitecture } from "./architecture.js";
import { whyImageGgufKeeps } from "./gguf-rules.js";
import { matchesAny } from "./image-model.js";

// The tensors of an image model as they are in a GGUF before it is quantized, which is what ComfyUI-GGUF's converter
// makes of them (handle_tensors in its tools/convert.py). Floats of more bits than they are stored with are converted
// when they are read.

/** The most elements of tensors that become float32 for their size. */
const SMALL_ELEMENTS = 1024;

/** The most dimensions of halves: ComfyUI-GGUF has no layers for more. */
const HALF_DIMENSIONS = 4;

/** Rows that are laid out anew have as many weights as the largest blocks. */
const ROW_ELEMENTS = 256;

/** The fewest elements of a tensor whose rows are laid out anew. */
const LEAST_RESHAPED = 512;

/** A tensor of the file, by its name without the prefix. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: ModelTensor;
  /** The number that all floats of 8 bits are multiplied with. */
  readonly scale: ModelTensor | undefined;
}

/** The shape in rows of 256 weights; undefined where the tensor keeps its own. */
export function reshaped(shape: readonly number[], { reshape }: ImageArchitecture): readonly number[] | undefined {
  const elements = elementsOf(shape);
  const isNeeded =
    reshape && shape.length > 1 && elements >= LEAST_RESHAPED && shape[shape.length - 1] % ROW_ELEMENTS !== 0;
  return isNeeded && elements % ROW_ELEMENTS === 0 ? [elements / ROW_ELEMENTS, ROW_ELEMENTS] : undefined;
}

/** A tensor as it is in the GGUF. */
export function ggufTensor({ name, tensor, scale }: NamedTensor, architecture: ImageArchitecture): ModelTensor {
  const shape = reshaped(tensor.shape, architecture) ?? tensor.shape;
  const dtype = dtypeInGguf({ name, tensor, scale }, shape, architecture);
  if (dtype === tensor.dtype) return lentBy({ ...tensor, name, shape }, lenderOf(tensor));
  const size = bytesPerElement(dtype);
  return {
    ...{ name, dtype, shape, byteLength: elementsOf(shape) * size },
    async read(offset, length) {
      const start = offset / size;
      const floats = await floatsAt(tensor, scale, start, length / size);
      return dtype === "float16" ? halfBytes(floats, start) : scaleBytes(floats, dtype);
    },
  };
}

/**
 * Small tensors and those that the architecture needs as such are float32. Others stay what they are if they are
 * quantized, or else have 16 bits.
 */
function dtypeInGguf(
  { name, tensor, scale }: NamedTensor,
  shape: readonly number[],
  architecture: ImageArchitecture,
): FloatDtype {
  const { dtype } = tensor;
  if (tensor.shape.length > HALF_DIMENSIONS) return "float32";
  if (dtype === "float16" || (isFloat8(dtype) && scale === undefined)) return "float16";
  const isSmall = tensor.shape.length < 2 || elementsOf(shape) <= SMALL_ELEMENTS;
  if (isSmall || matchesAny(name, architecture.float32)) return "float32";
  if (dtype === "bfloat16") return dtype;
  return whyImageGgufKeeps({ name, shape }, architecture) === undefined ? "float32" : "float16";
}

async function floatsAt(tensor: ModelTensor, scale: ModelTensor | undefined, start: number, count: number) {
  const { dtype } = tensor;
  const size = bytesPerElement(dtype);
  const bytes = await tensor.read(start * size, count * size);
  if (isFloatDtype(dtype)) return floatsOf(bytes, dtype);
  if (!isFloat8(dtype)) throw new Error(`${dtype} is not read`);
  const floats = widenFloat8(dtype, bytes);
  if (scale === undefined) return floats;
  const [factor] = floatsOf(await scale.read(0, scale.byteLength), scale.dtype as FloatDtype);
  return floats.map((float) => float * factor);
}
