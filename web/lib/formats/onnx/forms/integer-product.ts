import { type NewNode, node as newNode } from "../file/encode.js";
import { dataType, type Node } from "../file/proto.js";
import type { Edit } from "../file/splice.js";
import type { Use } from "../file/values.js";
import type { Message } from "../file/wire.js";
import { type Names, since, type Wish } from "./form.js";

// The nodes of quantize_dynamic that multiply codes of activations with codes of a weight, with the names of that tool.

/** The names of the tensors that store a weight. */
export interface Stored {
  readonly codes: string;
  readonly scale: string;
  readonly zeroPoint: string;
}

export function storedNames(weight: string, { unused }: Pick<Names, "unused">): Stored {
  return {
    codes: unused(`${weight}_quantized`),
    scale: unused(`${weight}_scale`),
    zeroPoint: unused(`${weight}_zero_point`),
  };
}

/** Why no product of integers has codes of so many bits; undefined where one may. */
export function whyNoIntegers(
  operator: "MatMulInteger" | "ConvInteger",
  { bits, opset }: Pick<Wish, "bits" | "opset">,
): string | undefined {
  if (opset < since.dynamic) return `DynamicQuantizeLinear came with opset ${since.dynamic}, and this is ${opset}`;
  if (bits > 8) return `${operator} takes 8 bits, and these are ${bits}`;
  if (bits <= 4 && opset >= since.int4) return `${operator} takes 8 bits, and opset 21 packs 4`;
  return undefined;
}

/**
 * The product of integers, which becomes float and is multiplied with both scales.
 *
 * @param to the name of the node that it stands for, or "", and of what it gives
 */
export function integerProduct(
  operator: "MatMulInteger" | "ConvInteger",
  { node, scope }: Pick<Use, "node" | "scope">,
  { codes, scale, zeroPoint }: Stored,
  { unused, activations }: Names,
  {
    name,
    output,
    integers = unused(`${output}_output_quantized`),
  }: Readonly<Record<"name" | "output", string>> & {
    readonly integers?: string;
  },
): NewNode[] {
  const x = activations(node, scope);
  const ofNode = (suffix: string) => (name === "" ? "" : unused(`${name}_quant${suffix}`));
  const floats = unused(`${integers}_cast_output`);
  const scales = name === "" ? unused(`${x.scale}_${scale}_mul`) : unused(`${name}_quant_scales_mul`);
  const product = unused(`${scales}:0`);
  return [
    {
      ...{ name: ofNode(""), operator },
      inputs: [x.codes, codes, x.zeroPoint, zeroPoint],
      outputs: [integers],
      ...(operator === "ConvInteger" && { like: node }),
    },
    {
      name: unused(`${integers}_cast`),
      operator: "Cast",
      inputs: [integers],
      outputs: [floats],
      integers: { to: dataType.float },
    },
    { name: scales, operator: "Mul", inputs: [x.scale, scale], outputs: [product] },
    { name: ofNode("_output_scale_mul"), operator: "Mul", inputs: [floats, product], outputs: [output] },
  ];
}

export function replacedBy({ message }: Node, nodes: readonly NewNode[]): Edit {
  return { message: message.parent as Message, start: message.at, end: message.end, parts: nodes.flatMap(newNode) };
}
