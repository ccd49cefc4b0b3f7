import { type NewTensor, node as newNode } from "../file/encode.js";
import { dataType, microsoftDomain } from "../file/proto.js";
import type { Edit } from "../file/splice.js";
import type { Message } from "../file/wire.js";
import { type Form, floatTypes } from "./form.js";
import { gathersRows } from "./gathered.js";
import { groupNotes } from "./layouts.js";

/**
 * Gather becomes GatherBlockQuantized of com.microsoft, which takes rows of codes in groups, and makes only these
 * floats. Codes are bytes that hold one or two of them, so that no opset is too old for their type.
 */
export const gatherBlocks: Form = {
  pattern: "GatherBlockQuantized",
  wayOf({ place, shape, dtype }, { bits, axis, granularity, zeroPoints }) {
    if (bits !== 4 && bits !== 8) return `GatherBlockQuantized is written with 4 or 8 bits, and these are ${bits}`;
    if (typeof granularity !== "object") return "GatherBlockQuantized takes groups";
    const { group } = granularity;
    if (group < 16 || (group & (group - 1)) !== 0)
      return `GatherBlockQuantized takes groups of 16, 32, 64, ..., not of ${group}`;
    const others = place.consumers.find(({ use, via }) => via.length > 0 || !gathersRows(use));
    if (others !== undefined) return `${others.use.node.operator} gathers no rows`;
    if (shape.length !== 2 || axis !== 0) return "GatherBlockQuantized is written for the rows of matrices";
    const [rows, columns] = shape as [number, number];
    if ((columns * bits) % 8 !== 0) return `rows of ${columns} codes of ${bits} bits do not end with a byte`;
    const groups = Math.ceil(columns / group);
    return {
      scheme: { bits, axis: undefined, granularity: { group, along: 1 }, scaleType: dtype },
      quantizedShape: [rows, groups * group],
      storedShape: shape,
      storedBits: bits,
      unsigned: true,
      notes: groupNotes(group, columns),
      zeroPointBytes: zeroPoints ? rows * zeroBytesOfRow(groups, bits) : 0,
    };
  },
  replacementOf({ weight, scheme }, { codes, scales, zeroPoints, scaleShape }, { unused }) {
    const { bits, granularity, scaleType } = scheme;
    const { name, shape, place } = weight;
    const [rows, columns] = shape as [number, number];
    const { group } = granularity as { group: number };
    const type = dataType.uint8;
    const tensors: NewTensor[] = [
      { name: unused(`${name}_quantized`), type, shape: [rows, (columns * bits) / 8], data: codes },
      { name: unused(`${name}_scale`), type: floatTypes[scaleType], shape: scaleShape, data: scales },
    ];
    if (scheme.zeroPoints) {
      const zeroShape = [rows, zeroBytesOfRow(scaleShape[1] as number, bits)];
      tensors.push({ name: unused(`${name}_zero_point`), type, shape: zeroShape, data: zeroPoints });
    }
    const [codesName = "", ...others] = tensors.map((tensor) => tensor.name);
    const integers = { gather_axis: 0, quantize_axis: 1, block_size: group, bits };
    const edits = place.consumers.map(({ use: { node } }): Edit => {
      const { message, outputs } = node;
      const inputs = [codesName, node.inputs[1] as string, ...others];
      const gather = { name: node.name, operator: "GatherBlockQuantized", domain: microsoftDomain, inputs, outputs };
      const parts = newNode({ ...gather, integers });
      return { message: message.parent as Message, start: message.at, end: message.end, parts };
    });
    return { tensors, nodes: [], edits };
  },
};

/** The bytes of the zero points of a row, which are packed as codes are. */
function zeroBytesOfRow(groups: number, bits: number): number {
  return Math.ceil((groups * bits) / 8);
}
