import type { NewNode } from "../file/encode.js";
import type { Node } from "../file/proto.js";
import { resolve, type Scope, type Value } from "../file/values.js";

// Finds weights whose codes nodes compute with, so that the model never has them as floats, and gives the nodes that
// compute with floats instead.

/** Codes that nodes compute with. */
export interface IntegerWeight {
  readonly pattern: "MatMulInteger" | "ConvInteger" | "Gather" | "GatherBlockQuantized";
  /** The last of the nodes, which gives floats. */
  readonly node: Node;
  readonly codes: Value;
  readonly scales: Value | undefined;
  readonly zeroPoints: Value | undefined;
  /** The axis of the codes along which scales of channels run. */
  readonly axis: number;
  /** The other nodes that a float weight makes needless. */
  readonly others: readonly Node[];
  /** The nodes that replace `node` where the weight is float. */
  floatNodes(weight: string): readonly NewNode[];
}

/**
 * Recognises MatMulInteger or ConvInteger of activations that DynamicQuantizeLinear quantized, with the nodes after it that make
 * floats; returns a sentence for other activations or nodes.
 */
export function integerProduct(node: Node, scope: Scope): IntegerWeight | string {
  const given = resolve(node.inputs[1] ?? "", scope);
  const transpose = given?.node?.operator === "Transpose" ? given.node : undefined;
  const codes = transpose ? resolve(transpose.inputs[0] ?? "", scope) : given;
  const quantizer = resolve(node.inputs[0] ?? "", scope)?.node;
  if (quantizer?.operator !== "DynamicQuantizeLinear")
    return "its activations are not quantized by DynamicQuantizeLinear";
  const cast = onlyUser(node, scope, "Cast");
  const product = cast && onlyUser(cast, scope, "Mul");
  const scale = product?.inputs.map((name) => resolve(name, scope)?.node).find((maker) => maker?.operator === "Mul");
  if (codes?.tensor === undefined || cast === undefined || product === undefined || scale === undefined) {
    return "its products are not multiplied with the scales of both inputs";
  }
  const scales = scale.inputs.map((name) => resolve(name, scope)).find((value) => value?.tensor !== undefined);
  const zeroPoints = resolve(node.inputs[3] ?? "", scope);
  const name = node.name.replace(/_quant$/, "");
  if (node.operator === "ConvInteger") {
    const [x = ""] = quantizer.inputs;
    return {
      ...{ pattern: "ConvInteger", node: product, codes, scales, zeroPoints, axis: 0, others: [node, cast, scale] },
      floatNodes: (weight) => [{ name, operator: "Conv", inputs: [x, weight], outputs: product.outputs, like: node }],
    };
  }
  return {
    ...{ pattern: "MatMulInteger", node: product, codes, scales, zeroPoints },
    axis: (transpose ? 0 : 1) + codes.tensor.shape.length - 2,
    others: [node, cast, scale, ...(transpose ? [transpose] : [])],
    floatNodes(weight) {
      const turned = transpose?.outputs[0];
      const turning: NewNode[] = turned
        ? [{ name: transpose.name, operator: "Transpose", inputs: [weight], outputs: [turned] }]
        : [];
      const inputs = [quantizer.inputs[0] as string, turned ?? weight];
      return [...turning, { name, operator: "MatMul", inputs, outputs: product.outputs }];
    },
  };
}

/** Recognises Gather of rows of codes, which become floats by DequantizeLinear, or by Cast, Sub and Mul. */
export function gatheredRows(node: Node, scope: Scope): IntegerWeight | undefined {
  const makers = node.inputs.map((name) => resolve(name, scope)?.node);
  if (node.operator === "DequantizeLinear") {
    const [gather] = makers;
    const [, scales, zeroPoints] = node.inputs.map((name) => resolve(name, scope));
    return gather && rowsOf(gather, node, scope, scales, zeroPoints, []);
  }
  const ofScales = makers.find((maker) => maker?.operator === "Gather");
  const sub = makers.find((maker) => maker?.operator === "Sub");
  const ofSub = sub?.inputs.map((name) => resolve(name, scope)?.node) ?? [];
  const casts = sub ? ofSub : makers.filter((maker) => maker?.operator === "Cast");
  const [gather, ofZeroPoints] = casts.map((cast) => cast && resolve(cast.inputs[0] ?? "", scope)?.node);
  if (gather === undefined || ofScales === undefined || casts.some((cast) => cast?.operator !== "Cast"))
    return undefined;
  if (sub && ofZeroPoints?.operator !== "Gather") return undefined;
  const [scales, zeroPoints] = [ofScales, sub && ofZeroPoints].map((each) => resolve(each?.inputs[0] ?? "", scope));
  const others = [sub, ...casts, ofScales, sub && ofZeroPoints].filter((each) => each !== undefined);
  return rowsOf(gather, node, scope, scales, zeroPoints, others);
}

function rowsOf(
  gather: Node,
  node: Node,
  scope: Scope,
  scales: Value | undefined,
  zeroPoints: Value | undefined,
  others: readonly Node[],
): IntegerWeight | undefined {
  if (gather.operator !== "Gather" || (gather.attributes.get("axis")?.integer ?? 0) !== 0) return undefined;
  const codes = resolve(gather.inputs[0] ?? "", scope);
  if (codes?.tensor === undefined || scales?.tensor === undefined) return undefined;
  return {
    ...{ pattern: "Gather", node, codes, scales, zeroPoints, axis: 0 },
    others: [gather, ...others],
    floatNodes: (weight) => [
      { name: gather.name, operator: "Gather", inputs: [weight, gather.inputs[1] as string], outputs: node.outputs },
    ],
  };
}

/** The node that uses the output of another, if it is the only one and has this operator. */
function onlyUser(node: Node, scope: Scope, operator: string): Node | undefined {
  const uses = resolve(node.outputs[0] ?? "", scope)?.uses ?? [];
  return uses.length === 1 && uses[0]?.node.operator === operator ? uses[0].node : undefined;
}
