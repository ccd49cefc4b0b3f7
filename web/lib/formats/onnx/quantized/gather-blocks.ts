import { named } from "../file/named.js";
import { dataType, type Node, type Tensor } from "../file/proto.js";
import type { CodeType } from "../file/tensors.js";
import { resolve, type Scope, type Value } from "../file/values.js";
import { codeTypes, countOf, type Found, integerOf, isFloat, optionalInput, stemOf } from "./found.js";

/**
 * com.microsoft's GatherBlockQuantized takes rows of codes [V, D] with scales [V, blocks], and zero points of as many
 * bits as codes. A uint8 holds as many codes as fit, the first in its lowest bits, and each row of zero points begins a
 * new byte.
 */
export function gatherBlocks(node: Node, scope: Scope, codes: Value): Found | string {
  const [group = 128, bits = 4] = ["block_size", "bits"].map((name) => integerOf(node, name));
  const { shape: stored, type } = codes.tensor as Tensor;
  const scales = resolve(node.inputs[2] ?? "", scope);
  const zeroPoints = optionalInput(node, 3, scope);
  if (codes.name !== node.inputs[0]) return `${named(node)} makes it of codes that are not in the file`;
  const axis = integerOf(node, "quantize_axis") ?? 1;
  if (stored.length !== 2 || (integerOf(node, "gather_axis") ?? 0) !== 0 || (axis !== 1 && axis !== -1)) {
    return `${named(node)} does not gather rows of a matrix that has its groups along them`;
  }
  const inBytes = type === dataType.uint8;
  const ofType = codeTypes[type] as CodeType;
  if (group < 1) return `${named(node)} has a block_size of ${group}`;
  if (inBytes ? ![2, 4, 8].includes(bits) : ofType.bits !== bits) {
    return `${named(node)} has codes of ${bits} bits in a type of ${ofType.bits}`;
  }
  if (!isFloat(scales?.tensor)) return "its scales are not float32 or float16 in the file";
  const perByte = inBytes ? 8 / bits : 1;
  const [rows = 0, columns = 0] = [stored[0], (stored[1] as number) * perByte];
  const blocks = Math.ceil(columns / group);
  if (countOf(scales) !== rows * blocks) return `${countOf(scales)} scales do not fit [${rows}, ${columns}]`;
  const zerosPerRow = Math.ceil(blocks / perByte) * perByte;
  const misfit = "its zero points must be one for each scale and have the type of the codes";
  if (zeroPoints === null) return misfit;
  const zeroCount = rows * zerosPerRow;
  if (zeroPoints && (zeroPoints.tensor?.type !== type || countOf(zeroPoints) !== zeroCount / perByte)) return misfit;
  const shape = [rows, columns];
  const integers = {
    ...({ pattern: "GatherBlockQuantized", node, codes, scales, zeroPoints, axis: 0, others: [] } as const),
    floatNodes: (weight: string) => [
      { name: node.name, operator: "Gather", inputs: [weight, node.inputs[1] as string], outputs: node.outputs },
    ],
  };
  return {
    ...{ name: stemOf(codes.name) ?? codes.name, shape, pattern: "GatherBlockQuantized" },
    ...{ quantizedShape: shape, axis: undefined, granularity: { group, along: 1 } },
    ...{ node, codes, scales: scales as Value, zeroPoints, others: [], integers },
    type: { bits: bits as CodeType["bits"], signed: ofType.signed },
    ...{ codeCount: rows * columns, zeroCount, zero: inBytes ? 2 ** (bits - 1) : 0 },
    zeroAt: (place) => Math.floor(place / blocks) * zerosPerRow + (place % blocks),
  };
}
