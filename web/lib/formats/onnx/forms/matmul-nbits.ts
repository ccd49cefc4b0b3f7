import { integerAttributes, type NewTensor } from "../file/encode.js";
import { dataType, microsoftDomain, type Node } from "../file/proto.js";
import type { Edit } from "../file/splice.js";
import { bytesField } from "../file/wire.js";
import { type Form, floatTypes } from "./form.js";
import { groupNotes } from "./layouts.js";

/**
 * MatMul becomes MatMulNBits of com.microsoft, which takes codes, scales and zero points in place of the weight, in groups along the
 * first of its two dimensions.
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
    const isSecond = place.consumers.every(
      ({ use, via }) => via.length === 0 && use.node.operator === "MatMul" && use.input === 1,
    );
    if (!isSecond || shape.length !== 2 || axis !== 1) return "MatMulNBits takes the second input of MatMul";
    const [rows, columns] = shape as [number, number];
    const blocks = Math.ceil(rows / group);
    return {
      scheme: { bits, axis: undefined, granularity: { group, along: 0 }, scaleType: dtype },
      // Zeros pad the last groups.
      quantizedShape: [blocks * group, columns],
      storedBits: bits,
      zeroPointBytes: zeroPoints ? zeroPointShape(blocks, columns, bits)[0] : 0,
      notes: groupNotes(group, rows),
    };
  },
  replacementOf({ weight, quantizedShape, scheme }, { codes, scales, zeroPoints }, { unused }) {
    const { bits, granularity, scaleType } = scheme;
    const [rows, columns] = quantizedShape as [number, number];
    const { group } = granularity as { group: number };
    const { name, shape, place } = weight;
    const blocks = rows / group;
    const tensors: NewTensor[] = [
      {
        name: unused(`${name}_Q${bits}`),
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
    const integers = { K: shape[0] as number, N: columns, bits, block_size: group, accuracy_level: accuracyLevel };
    const edits = place.consumers.flatMap(({ use }) => renamed(use.node, tensors, integers));
    return { tensors, nodes: [], edits };
  },
});

/** Zero points are bytes, and those of each column begin a new one. */
const zeroPointShape = (blocks: number, columns: number, bits: number): [number] => [
  columns * Math.ceil((blocks * bits) / 8),
];

function renamed({ message, fields }: Node, tensors: readonly NewTensor[], integers: Record<string, number>): Edit[] {
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
  ];
}
