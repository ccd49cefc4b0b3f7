import type { Node } from "../file/proto.js";
import type { Use } from "../file/values.js";
import type { Consumer } from "../uses/consumers.js";

// The products of activations with a matrix, which may come through nodes that transpose it.

/** Whether a node computes the product of activations with the weight, and at most adds a bias. */
export function isProduct({ node, input }: Use): boolean {
  if (node.operator === "MatMul") return input === 1;
  if (node.operator !== "Gemm" || input !== 1) return false;
  const { attributes } = node;
  const isOne = (name: string) => !attributes.has(name) || attributes.get(name)?.float === 1;
  return (attributes.get("transA")?.integer ?? 0) === 0 && isOne("alpha") && isOne("beta");
}

/** Whether a node gives a matrix as it is or transposed. */
export function turnsMatrix({ domain, operator }: Node): boolean {
  return domain === "" && (operator === "Transpose" || operator === "Identity");
}

/** Whether the product takes the weight's transpose. */
export function isTransposed({ use: { node }, via }: Consumer): boolean {
  const inGemm = node.operator === "Gemm" && (node.attributes.get("transB")?.integer ?? 0) !== 0;
  const turns = via.filter(({ operator, attributes }) => {
    const [first = 1] = attributes.get("perm")?.integers ?? [];
    return operator === "Transpose" && first === 1;
  });
  return inGemm !== (turns.length % 2 === 1);
}
