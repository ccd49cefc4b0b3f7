import { integerAttributes, type NewTensor, node as newNode } from "../file/encode.js";
import { dataType, microsoftDomain, type Node } from "../file/proto.js";
import type { Edit } from "../file/splice.js";
import { bytesField, type Field, type Message } from "../file/wire.js";
import { type Form, floatTypes, type Names } from "./form.js";
import { groupNotes } from "./layouts.js";
import { isProduct, isTransposed, turnsMatrix } from "./products.js";

/**
 * MatMul becomes MatMulNBits of com.microsoft, which takes codes, scales and zero points by columns of the matrix, in
 * groups along what a column sums over. Gemm becomes the same, followed by an Add for its bias. A weight that Gemm or a
 * Transpose transposes has its columns as rows in the file; its codes have a name that ends with _T.
 *
 * @param accuracyLevel 1 computes the products in float32; 4 computes them in int8, with activations in groups of int8
 */
export const matMulNBits = (accuracyLevel: 1 | 4): Form => ({
  pattern: "MatMulNBits",
  wayOf({ place, shape, dtype }, { bits, axis, granularity, zeroPoints }) {
    if (bits !== 2 && bits !== 4 && bits !== 8)
      return `MatMulNBits is written with 2, 4 or 8 bits, and these are ${bits}`;
    if (typeof granularity !== "object") return "MatMulNBits takes groups";
    const { group } = granularity;
    if (group < 16 || (group & (group - 1)) !== 0)
      return `MatMulNBits takes groups of 16, 32, 64, ..., not of ${group}`;
    const { consumers } = place;
    const isMatrix = consumers.every(({ use, via }) => via.every(turnsMatrix) && isProduct(use));
    const isTurned = consumers.every(isTransposed);
    if (!isMatrix || shape.length !== 2 || (!isTurned && consumers.some(isTransposed)))
      return "MatMulNBits takes the second input of MatMul and Gemm";
    if (axis !== (isTurned ? 0 : 1)) return `MatMulNBits has its columns along axis ${isTurned ? 0 : 1}, not ${axis}`;
    // What becomes float16 is changed where it is, so that nothing can follow it under its name.
    const isNarrowed = dtype === "float16" && place.tensor.type === dataType.float;
    if (isNarrowed && consumers.some(({ use }) => biasOf(use.node) !== ""))
      return "Gemm with a bias becomes two nodes, and cannot become float16 as well";
    const along = isTurned ? 1 : 0;
    const blocks = Math.ceil((shape[along] as number) / group);
    const columns = shape[1 - along] as number;
    return {
      scheme: { bits, axis: undefined, granularity: { group, along }, scaleType: dtype },
      // Zeros pad the last groups.
      quantizedShape: isTurned ? [columns, blocks * group] : [blocks * group, columns],
      storedBits: bits,
      zeroPointBytes: zeroPoints ? zeroPointShape(blocks, columns, bits)[0] : 0,
      notes: groupNotes(group, shape[along] as number),
    };
  },
  replacementOf({ weight, quantizedShape, scheme }, { codes, scales, zeroPoints }, names) {
    const { bits, granularity, scaleType } = scheme;
    const { group, along } = granularity as { group: number; along: 0 | 1 };
    const columns = quantizedShape[1 - along] as number;
    const blocks = (quantizedShape[along] as number) / group;
    const { name, shape, place } = weight;
    const { unused } = names;
    const tensors: NewTensor[] = [
      {
        name: unused(`${name}_Q${bits}${along === 1 ? "_T" : ""}`),
        type: dataType.uint8,
        shape: [columns, blocks, (group * bits) / 8],
        data: codes,
      },
      { name: unused(`${name}_scales`), type: floatTypes[scaleType], shape: [columns, blocks], data: scales },
    ];
    if (scheme.zeroPoints) {
      const zeroShape = zeroPointShape(blocks, columns, bits);
      tensors.push({ name: unused(`${name}_zero_points`), type: dataType.uint8, shape: zeroShape, data: zeroPoints });
    }
    const integers = {
      ...{ K: shape[along] as number, N: columns, bits, block_size: group, accuracy_level: accuracyLevel },
    };
    const edits = place.consumers.flatMap(({ use }) => [
      ...renamed(use.node, tensors, integers),
      ...withBias(use.node, names),
    ]);
    for (const { message } of place.moves) edits.push({ ...spanOf(message), parts: [] });
    return { tensors, nodes: [], edits };
  },
});

/** The name of what Gemm adds. */
const biasOf = ({ operator, inputs }: Node) => (operator === "Gemm" ? (inputs[2] ?? "") : "");

/** Adds what Gemm added, in a node of its own. */
function withBias(node: Node, { unused }: Names): Edit[] {
  const { message, fields, name } = node;
  const bias = biasOf(node);
  const [output = ""] = node.outputs;
  const without = fields.inputs
    .slice(2)
    .map((field): Edit => ({ message, start: field.at, end: field.end, parts: [] }));
  if (bias === "") return without;
  const [field] = fields.outputs as [Field];
  const product = unused(`${output}_MatMul`);
  const add = {
    ...{ name: name === "" ? "" : unused(`${name}_Add`), operator: "Add", inputs: [product, bias], outputs: [output] },
  };
  const { parent, end } = message;
  return [
    ...without,
    { message, start: field.at, end: field.end, parts: [Uint8Array.from(bytesField(2, product))] },
    { message: parent as Message, start: end, end, parts: newNode(add) },
  ];
}

function spanOf({ parent, at, end }: Message): Omit<Edit, "parts"> {
  return { message: parent as Message, start: at, end };
}

/** Zero points are bytes, and those of each column begin a new one. */
const zeroPointShape = (blocks: number, columns: number, bits: number): [number] => [
  columns * Math.ceil((blocks * bits) / 8),
];

function renamed(
  { message, fields, attributes }: Node,
  tensors: readonly NewTensor[],
  integers: Record<string, number>,
): Edit[] {
  const { inputs, operator, domain } = fields;
  const edit = (at: { at: number; end: number }, bytes: number[]): Edit => {
    return { message, start: at.at, end: at.end, parts: [Uint8Array.from(bytes)] };
  };
  const inDomain = bytesField(7, microsoftDomain);
  const changed = [...bytesField(4, "MatMulNBits"), ...(domain ? [] : inDomain), ...integerAttributes(integers)];
  return [
    edit(
      inputs[1] as NonNullable<(typeof inputs)[1]>,
      tensors.flatMap(({ name }) => bytesField(1, name)),
    ),
    edit(operator, changed),
    ...(domain ? [edit(domain, inDomain)] : []),
    // MatMul has none, and those of Gemm are done.
    ...[...attributes.values()].map((attribute) => ({ ...spanOf(attribute.message), parts: [] })),
  ];
}
