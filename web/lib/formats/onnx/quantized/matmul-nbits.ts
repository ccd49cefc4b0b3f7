import { named } from "../file/named.js";
import { dataType, type Node } from "../file/proto.js";
import { resolve, type Scope, type Value } from "../file/values.js";
import { countOf, type Found, integerOf, isFloat } from "./found.js";

/**
 * com.microsoft's MatMulNBits takes weights [K, N] by columns: codes [N, blocks, bytes], filled from the lowest bits of
 * a byte on, scales [N, blocks], and zero points of as many bits as codes, with a new byte for each column.
 */
export function matMulNBits(node: Node, scope: Scope, codes: Value): Found | string {
  const [rows, columns, group, bits = 4] = ["K", "N", "block_size", "bits"].map((name) => integerOf(node, name));
  const scales = resolve(node.inputs[2] ?? "", scope);
  const zeroPoints = resolve(node.inputs[3] ?? "", scope);
  if (codes.name !== node.inputs[1]) return `${named(node)} makes it of codes that are not in the file`;
  if (!(rows !== undefined && rows > 0 && columns !== undefined && columns > 0 && group !== undefined && group > 0)) {
    return `${named(node)} lacks K, N or block_size`;
  }
  if (bits !== 2 && bits !== 4 && bits !== 8) return `${named(node)} has codes of ${bits} bits`;
  if (!isFloat(scales?.tensor)) return "its scales are not float32 or float16 in the file";
  if ((node.inputs[4] ?? "") !== "") return `${named(node)} has a g_idx, which is not read`;
  const blocks = Math.ceil(rows / group);
  const zerosPerColumn = (Math.ceil((blocks * bits) / 8) * 8) / bits;
  const hasZeroPoints = (node.inputs[3] ?? "") !== "";
  if (hasZeroPoints && zeroPoints?.tensor?.type !== dataType.uint8) return "its zero points are not uint8 in the file";
  if (countOf(scales) !== columns * blocks) return `${countOf(scales)} scales do not fit [${rows}, ${columns}]`;
  const codeCount = columns * blocks * group;
  const fits = (value: Value | undefined, count: number) => countOf(value) === (count * bits) / 8;
  if (!fits(codes, codeCount)) return `${countOf(codes)} bytes of codes do not fit [${rows}, ${columns}]`;
  if (hasZeroPoints && !fits(zeroPoints, columns * zerosPerColumn)) {
    return `${countOf(zeroPoints)} bytes of zero points do not fit [${rows}, ${columns}]`;
  }
  const isTurned = turned.test(codes.name);
  const common = {
    ...{ name: codes.name.replace(/_Q\d[^/.]*$/, ""), pattern: "MatMulNBits" as const, axis: undefined },
    ...{ node, codes, scales: scales as Value, zeroPoints: hasZeroPoints ? zeroPoints : undefined, others: [] },
    ...{
      type: { bits: bits as 2 | 4 | 8, signed: false },
      codeCount,
      zeroCount: columns * zerosPerColumn,
      zero: 2 ** (bits - 1),
    },
  } as const;
  if (isTurned) {
    return {
      ...common,
      ...{ shape: [columns, rows], quantizedShape: [columns, rows], granularity: { group, along: 1 } },
      codeAt: (weight) => Math.floor(weight / rows) * blocks * group + (weight % rows),
      zeroAt: (place) => Math.floor(place / blocks) * zerosPerColumn + (place % blocks),
    };
  }
  const column = (weight: number) => weight % columns;
  const row = (weight: number) => Math.floor(weight / columns);
  return {
    ...common,
    ...{ shape: [rows, columns], quantizedShape: [rows, columns], granularity: { group, along: 0 } },
    codeAt: (weight) => column(weight) * blocks * group + row(weight),
    // In the order of the scheme scales are [blocks, N], so the row of a place is its block.
    scaleAt: (place) => column(place) * blocks + row(place),
    zeroAt: (place) => column(place) * zerosPerColumn + row(place),
  };
}

/** The names of codes whose weight was transposed before the product. */
export const turned = /_Q\d_T(_\d+)?$/;
