import { type Bits, type BlockLayout, blockLayouts } from "./block-layouts.js";

/** A step from bytes to a value. */
export interface Step {
  readonly text: string;
  /** The bytes that it reads. */
  readonly bytes: readonly number[];
}

/** One weight, followed from bytes to its value. */
export interface Followed {
  readonly steps: readonly Step[];
  /** Float32, as readers compute it. */
  readonly value: number;
}

/** What the weights of a sub-block share. */
export interface Shared {
  /** The integer that d is multiplied with. */
  readonly scale: number;
  readonly scaleBytes: readonly number[];
  /** The integer that dmin is multiplied with; undefined for types without minima. */
  readonly min: number | undefined;
  readonly minBytes: readonly number[];
}

/** The scales and minima of all sub-blocks; empty for types without sub-blocks. */
export function sharedOf(type: string, block: Uint8Array): Shared[] {
  const { length, shared, scale, scaleOffset = 0, hasSignedScales = false, subMin } = blockLayouts[type];
  if (scale === undefined) return [];
  return Array.from({ length: length / shared }, (_, j) => {
    const parts = scale(j);
    const minParts = subMin?.(j);
    return {
      scale: numberOf(block, parts, hasSignedScales) - scaleOffset,
      scaleBytes: parts.map(({ byte }) => byte),
      min: minParts && numberOf(block, minParts),
      minBytes: minParts?.map(({ byte }) => byte) ?? [],
    };
  });
}

/** Follows weight `i` of a block. */
export function followWeight(type: string, block: Uint8Array, i: number): Followed {
  const layout = blockLayouts[type];
  const steps: Step[] = [];
  const d = halfAt(block, layout.d);
  steps.push({ text: `d = ${shown(d)}, the float16 of bytes ${layout.d} and ${layout.d + 1}`, bytes: two(layout.d) });
  const scale = scaleStep(layout, block, i, d, steps);
  const code = codeStep(layout, block, i, steps);
  const product = Math.fround(scale * code);
  const value = minStep(layout, block, i, product, steps, `${shown(scale)} × ${code}`);
  return { steps, value };
}

function scaleStep({ shared, ...layout }: BlockLayout, block: Uint8Array, i: number, d: number, steps: Step[]): number {
  const parts = layout.scale?.(Math.floor(i / shared));
  if (parts === undefined) return d;
  const { scaleOffset = 0, hasSignedScales = false } = layout;
  const stored = numberOf(block, parts, hasSignedScales);
  const integer = stored - scaleOffset;
  const scale = Math.fround(d * integer);
  const less = scaleOffset === 0 ? "" : ` − ${scaleOffset} = ${integer}`;
  const text = `scale ${Math.floor(i / shared)} = ${bitsText(block, parts)} = ${stored}${less}; times d: ${shown(scale)}`;
  steps.push({ text, bytes: parts.map(({ byte }) => byte) });
  return scale;
}

function codeStep(layout: BlockLayout, block: Uint8Array, i: number, steps: Step[]): number {
  const { codeOffset, hasSignedCodes = false, table } = layout;
  const parts = layout.code(i);
  const stored = numberOf(block, parts, hasSignedCodes);
  const code = table ? table[stored] : stored - codeOffset;
  const means = table ? `, which stands for ${code}` : codeOffset === 0 ? "" : ` − ${codeOffset} = ${code}`;
  steps.push({ text: `code = ${bitsText(block, parts)} = ${stored}${means}`, bytes: parts.map(({ byte }) => byte) });
  return code;
}

/** The last steps: the minimum, and the value. */
function minStep(
  { min: at, shared, subMin }: BlockLayout,
  block: Uint8Array,
  i: number,
  product: number,
  steps: Step[],
  formula: string,
): number {
  if (at === undefined) {
    steps.push({ text: `weight = ${formula} = ${shown(product)}`, bytes: [] });
    return product;
  }
  const min = halfAt(block, at);
  if (subMin === undefined) {
    const value = Math.fround(product + min);
    steps.push({ text: `minimum = ${shown(min)}, the float16 of bytes ${at} and ${at + 1}`, bytes: two(at) });
    steps.push({ text: `weight = ${formula} + ${shown(min)} = ${shown(value)}`, bytes: [] });
    return value;
  }
  const parts = subMin(Math.floor(i / shared));
  const integer = numberOf(block, parts);
  const taken = Math.fround(min * integer);
  const value = Math.fround(product - taken);
  steps.push({ text: `dmin = ${shown(min)}, the float16 of bytes ${at} and ${at + 1}`, bytes: two(at) });
  const text = `minimum ${Math.floor(i / shared)} = ${bitsText(block, parts)} = ${integer}; times dmin: ${shown(taken)}`;
  steps.push({ text, bytes: parts.map(({ byte }) => byte) });
  steps.push({ text: `weight = ${formula} − ${shown(taken)} = ${shown(value)}`, bytes: [] });
  return value;
}

function numberOf(block: Uint8Array, parts: readonly Bits[], isSigned = false): number {
  const number = parts.reduce((sum, part) => sum | (bitsOf(block, part) << part.to), 0);
  return isSigned ? (number << 24) >> 24 : number;
}

function bitsOf(block: Uint8Array, { byte, shift, bits }: Bits): number {
  return (block[byte] >> shift) & ((1 << bits) - 1);
}

/** "bits 0 to 3 of byte 20 (1011)", the lowest first. */
function bitsText(block: Uint8Array, parts: readonly Bits[]): string {
  const texts = parts.map((part) => {
    const { byte, shift, bits } = part;
    const which = bits === 8 ? "" : bits === 1 ? `bit ${shift} of ` : `bits ${shift} to ${shift + bits - 1} of `;
    return `${which}byte ${byte} (${bitsOf(block, part).toString(2).padStart(bits, "0")})`;
  });
  return texts.join(" below ");
}

function halfAt(block: Uint8Array, at: number): number {
  const half = block[at] | (block[at + 1] << 8);
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const two = (at: number) => [at, at + 1];

function shown(value: number): string {
  return String(Number(value.toPrecision(6))).replace("-", "−");
}
