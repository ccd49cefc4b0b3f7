import type { Node } from "../file/proto.js";

// The windows of a convolution or a pooling, along each of its dimensions.

type Attributes = Node["attributes"];

interface Window {
  /** From the first element to the last. */
  readonly extent: number;
  readonly stride: number;
  /** The padding at the end. */
  readonly end: number;
  /** What the attributes add to the end of a transposed convolution. */
  readonly added: number;
}

/** Undefined where an attribute is not known. */
function windowsOf(attributes: Attributes, kernel: readonly number[]): Window[] | undefined {
  const count = kernel.length;
  const listOf = (name: string, otherwise: number, length = count) => {
    const list = attributes.has(name) ? attributes.get(name)?.integers : new Array<number>(length).fill(otherwise);
    return list?.length === length ? list : undefined;
  };
  const [strides, dilations, added] = [listOf("strides", 1), listOf("dilations", 1), listOf("output_padding", 0)];
  const pads = listOf("pads", 0, 2 * count);
  if (!strides || !dilations || !added || !pads) return undefined;
  return kernel.map((size, i) => ({
    extent: (size - 1) * (dilations[i] as number) + 1,
    stride: strides[i] as number,
    end: pads[count + i] as number,
    added: added[i] as number,
  }));
}

/** Whether no window of a pooling whose output is rounded up can begin in the padding at the end, at any size. */
export function endsInside(attributes: Attributes): boolean {
  const padding = attributes.get("auto_pad");
  if (padding !== undefined && padding.text !== "NOTSET") return false;
  // The last window ends less than a stride after the padding, so it begins inside where it is longer than both.
  const windows = windowsOf(attributes, attributes.get("kernel_shape")?.integers ?? []);
  return (
    windows !== undefined && windows.length > 0 && windows.every(({ extent, stride, end }) => stride + end <= extent)
  );
}

/** Whether a transposed convolution whose output is a stride times its input loses as much at both sides. */
export function isPaddedEvenly(attributes: Attributes, kernel: readonly number[]): boolean {
  const windows = windowsOf(attributes, kernel);
  return windows?.every(({ extent, stride, added }) => (added + extent - stride) % 2 === 0) ?? false;
}
