import { shownName } from "../../core/printable.js";
import { matchesGlob } from "../../io/globs.js";
import { elementsOf } from "../../tensor/dtypes.js";
import type { TensorInfo } from "../../tensor/tensor.js";
import type { ImageArchitecture } from "./architecture.js";
import { type ImageModel, imageModelIn, whyArchitectureKeeps } from "./image-model.js";

// What of the file of an image model usually gives noise instead of images, in sentences.

/** A few names suffice. */
const MOST_NAMES = 3;

type NameAndShape = Pick<TensorInfo, "name" | "shape">;

/** A tensor of int8 codes as ComfyUI sees it. */
export interface Int8Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** The shape of its scales; undefined where it has none. */
  readonly scaleShape: readonly number[] | undefined;
  /** Whether a comfy_quant marker lies beside it. */
  readonly isMarked: boolean;
}

/**
 * What is wrong in a file of ComfyUI's int8 layers.
 *
 * @param int8 all tensors of int8 codes
 */
export function noiseInNames(tensors: readonly TensorInfo[], int8: readonly Int8Tensor[]): string[] {
  const model = imageModelIn(tensors);
  const isOfComfy = model !== undefined || int8.some(({ isMarked }) => isMarked);
  if (!isOfComfy || int8.length === 0) return [];
  const without = int8.filter(({ scaleShape }) => scaleShape === undefined);
  const unmarked = int8.filter(({ scaleShape, isMarked }) => scaleShape !== undefined && !isMarked);
  const flat = int8.filter(({ scaleShape, isMarked }) => isMarked && scaleShape?.length === 1 && scaleShape[0] > 1);
  return [
    ...sentence(without, "without scales: ComfyUI takes the codes for weights"),
    ...sentence(unmarked, "without a comfy_quant marker: ComfyUI takes the codes for weights"),
    ...sentence(
      flat,
      "with scales of one dimension: ComfyUI takes them for those of columns; [rows, 1] are those of rows",
    ),
    ...(model ? noiseIn(model, tensors, int8) : []),
  ];
}

/** What is wrong in a GGUF of an image model. */
export function noiseInGguf(
  architecture: ImageArchitecture,
  tensors: readonly NameAndShape[],
  quantized: readonly NameAndShape[],
): string[] {
  const model = imageModelIn(tensors, architecture) as ImageModel;
  const { ranks = {}, name } = architecture;
  const flat = tensors.filter((tensor) => {
    const rank = Object.entries(ranks).find(([pattern]) => matchesGlob(bare(tensor, model), pattern))?.[1];
    return rank !== undefined && tensor.shape.length < rank && elementsOf(tensor.shape) > 1;
  });
  return [
    ...noiseIn(model, tensors, quantized),
    ...sentence(flat, `without leading dimensions of 1, which ${name} has in ComfyUI`),
  ];
}

function noiseIn(model: ImageModel, tensors: readonly NameAndShape[], quantized: readonly NameAndShape[]): string[] {
  const { architecture } = model;
  const needed = quantized.filter((each) => whyArchitectureKeeps(bare(each, model), architecture) !== undefined);
  const names = new Set(tensors.map((tensor) => bare(tensor, model)));
  const missing = (architecture.needs ?? []).filter((name) => !names.has(name));
  return [
    ...sentence(needed, `quantized, and ${architecture.name} needs ${needed.length === 1 ? "it" : "them"} as floats`),
    ...missing.map((name) => `${name} is missing, which ${architecture.name} needs: some writers leave it out`),
  ];
}

function bare({ name }: { readonly name: string }, { prefix }: ImageModel): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

function sentence(tensors: readonly { readonly name: string }[], what: string): string[] {
  if (tensors.length === 0) return [];
  const shown = tensors.slice(0, MOST_NAMES).map(({ name }) => shownName(name));
  const more = tensors.length - shown.length;
  const are = tensors.length === 1 ? "1 tensor is" : `${tensors.length} tensors are`;
  return [`${are} ${what} (${shown.join(", ")}${more === 0 ? "" : ` and ${more} more`})`];
}
