import type { UnreadableTensor } from "../../format.js";
import { named } from "../file/named.js";
import { microsoftDomain, type Node, type Tensor } from "../file/proto.js";
import type { CodeType } from "../file/tensors.js";
import { resolve, type Scope, type Value } from "../file/values.js";
import { castAndMul, codesOfMul } from "./cast-and-mul.js";
import { codeTypes, countOf, type Found, inOrder, integerOf, optionalInput, stemOf } from "./found.js";
import { gatherBlocks } from "./gather-blocks.js";
import { gatheredRows, type IntegerWeight, integerProduct } from "./integers.js";
import { matMulNBits } from "./matmul-nbits.js";

// Finds the weights of a model that is quantized already, by the nodes that compute with their codes.

/** Operators that show that a model is quantized already. */
const quantizedOperators = new Set([
  ..."QuantizeLinear DequantizeLinear DynamicQuantizeLinear ConvInteger MatMulInteger MatMulInteger16".split(" "),
  ..."MatMulNBits GatherBlockQuantized MatMulBnb4 MatMulFpQ4 QMoE QAttention QGemm QEmbedLayerNormalization".split(" "),
  ..."DynamicQuantizeMatMul DynamicQuantizeLSTM MatMulIntegerToFloat".split(" "),
]);

/** QLinearConv, QLinearMatMul and ONNX Runtime's QLinearAdd, QLinearConcat and others compute with codes. */
function isQuantizedOperator(operator: string): boolean {
  return quantizedOperators.has(operator) || operator.startsWith("QLinear");
}

/** The first node of a model that computes with codes. */
export function quantizedNode(scopes: readonly Scope[], found: readonly Found[]): Node | undefined {
  for (const { graph } of scopes) {
    const node = graph.nodes.find(({ operator }) => isQuantizedOperator(operator));
    if (node) return node;
  }
  return found[0]?.node;
}

/** Finds the quantized weights of a model, each once. */
export function findQuantized(scopes: readonly Scope[]): {
  readonly found: readonly Found[];
  readonly unreadable: readonly UnreadableTensor[];
} {
  const found: Found[] = [];
  const unreadable: UnreadableTensor[] = [];
  const seen = new Set<Value>();
  for (const scope of scopes) {
    for (const node of scope.graph.nodes) {
      const codes = codesOf(node, scope);
      if (codes === undefined || seen.has(codes)) continue;
      seen.add(codes);
      const weight = weightOf(node, scope, codes);
      if (typeof weight !== "string") {
        found.push(weight);
        continue;
      }
      const { bits } = codeTypes[(codes.tensor as Tensor).type] as CodeType;
      const byteLength = Math.ceil((countOf(codes) * bits) / 8);
      unreadable.push({ tensor: stemOf(codes.name) ?? codes.name, byteLength, reason: weight });
    }
  }
  return { found, unreadable };
}

/** The codes among the inputs of a node that dequantizes or computes with codes. */
function codesOf(node: Node, scope: Scope): Value | undefined {
  const inputs = node.inputs.map((name) => resolve(name, scope));
  const isCodes = (value: Value | undefined) => codeTypes[value?.tensor?.type ?? 0] !== undefined;
  const integers = integersOf(node, scope);
  if (typeof integers === "object" && isCodes(integers.codes)) return integers.codes;
  if (node.operator === "Mul" && node.domain === "") return codesOfMul(node, scope)?.codes;
  if (!isQuantizedOperator(node.operator)) return undefined;
  // Other operators take the zero points of their outputs too, which are vectors or single numbers.
  const least = node.operator === "DequantizeLinear" || node.operator === "MatMulNBits" ? 0 : 2;
  return inputs.find((value) => isCodes(value) && (value?.tensor?.shape.length ?? 0) >= least);
}

/** The weight of some codes, or a sentence why they cannot be read. */
function weightOf(node: Node, scope: Scope, codes: Value): Found | string {
  const integers = integersOf(node, scope);
  if (typeof integers === "string") return `${named(node)} uses its codes, and ${integers}`;
  if (integers !== undefined) return computedWith(integers, scope);
  if (node.operator === "Mul") return castAndMul(node, scope);
  if (node.operator === "DequantizeLinear" && node.domain === "") return dequantizeLinear(node, scope, codes);
  if (node.operator === "MatMulNBits" && node.domain === microsoftDomain) return matMulNBits(node, scope, codes);
  if (node.operator === "GatherBlockQuantized" && node.domain === microsoftDomain)
    return gatherBlocks(node, scope, codes);
  return `${named(node)} uses its codes in a way that is not read`;
}

/** How nodes compute with the codes of a weight, if they do; a sentence where that cannot be read. */
function integersOf(node: Node, scope: Scope): IntegerWeight | string | undefined {
  if (node.domain !== "") return undefined;
  if (node.operator === "MatMulInteger" || node.operator === "ConvInteger") return integerProduct(node, scope);
  return node.operator === "Mul" || node.operator === "DequantizeLinear" ? gatheredRows(node, scope) : undefined;
}

function computedWith(integers: IntegerWeight, scope: Scope): Found | string {
  const { node, codes, scales, zeroPoints, others, axis } = integers;
  const { shape } = codes.tensor as Tensor;
  const granularity = countOf(scales) === 1 ? "tensor" : "channel";
  const layout = { quantizedShape: shape, axis: granularity === "channel" ? axis : undefined, granularity } as const;
  return inOrder(integers.pattern, { node, scope, codes, scales, zeroPoints, others, integers }, layout);
}

function dequantizeLinear(node: Node, scope: Scope, codes: Value): Found | string {
  if (codes.name !== node.inputs[0]) return `${named(node)} makes it of codes that are not in the file`;
  const { shape } = codes.tensor as Tensor;
  const scales = resolve(node.inputs[1] ?? "", scope);
  const given = integerOf(node, "axis") ?? 1;
  const axis = given < 0 ? given + shape.length : given;
  const group = integerOf(node, "block_size") ?? 0;
  const granularity = group > 0 ? { group, along: axis } : countOf(scales) === 1 ? "tensor" : "channel";
  if (granularity !== "tensor" && !(axis >= 0 && axis < shape.length))
    return `${named(node)} has an axis that its codes lack`;
  const layout = { quantizedShape: shape, axis: granularity === "channel" ? axis : undefined, granularity } as const;
  const zeroPoints = optionalInput(node, 2, scope);
  return inOrder("DequantizeLinear", { node, scope, codes, scales, zeroPoints, others: [] }, layout);
}
