import type { Channelwise, Granularity } from "channelwise";
import {
  allBits,
  DBL_MAX,
  FLT_MAX,
  type Floats,
  type FloatType,
  floatsFrom,
  randomPatterns,
  ties,
  uniform,
} from "../lib/random.js";

const limits = {
  float32: { largest: FLT_MAX, smallestNormal: 2 ** -126, smallest: 2 ** -149 },
  float64: { largest: DBL_MAX, smallestNormal: 2 ** -1022, smallest: 2 ** -1074 },
};

type Make = (type: FloatType, length: number, seed: number, bits: number) => Floats;

/** Uniform weights, each with a random change. */
const changed =
  (change: (weight: number, of: (typeof limits)[FloatType], index: number) => number): Make =>
  (type, length, seed) => {
    const weights = uniform(type, length, seed);
    return floatsFrom(type, length, (i) => change(weights[i], limits[type], i));
  };

const kinds: Readonly<Record<string, Make>> = {
  uniform,
  ties: (type, length, seed, bits) => ties(type, length, bits, seed),
  "random bits": randomPatterns,
  "random bits of every magnitude": (type, length, seed) => randomPatterns(type, length, seed, 1),
  subnormal: changed((weight, { smallestNormal }) => weight * smallestNormal),
  "smallest of all": changed((weight, { smallest }) => Math.trunc(weight * 4) * smallest),
  huge: changed((weight, { largest }) => weight * largest),
  largest: changed((weight, { largest }) => Math.sign(weight) * largest),
  zeros: changed((weight) => weight * 0),
  outliers: changed((weight, _, index) => (index % 61 === 0 ? 1000 * weight : weight)),
  sparse: changed((weight) => Math.max(0, weight)),
};

const types = ["float32", "float64", "float16", "bfloat16"] as const;

/** The group size divides the dimensions of every shape below. */
const GROUP = 4;
const layouts: { axis?: number; granularity: Granularity }[] = [
  { granularity: "tensor" },
  ...[0, 1, 2].map((axis) => ({ axis, granularity: "channel" }) as const),
  ...[0, 1, 2].map((along) => ({ granularity: { group: GROUP, along } })),
];

/** The bits of halves with signs, exponents and mantissas like those of float32 weights. */
function halves(weights: Float32Array, dtype: "float16" | "bfloat16"): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(new Uint32Array(weights.buffer), (bits) => {
    if (dtype === "bfloat16") return bits >>> 16;
    const exponent = Math.min(30, ((bits >>> 23) & 0xff) >>> 3);
    return ((bits >>> 31) << 15) | (exponent << 10) | ((bits >>> 13) & 0x3ff);
  });
}

/**
 * The results of 200 matrices, a line of hashes for each: codes, scales, dequantized values and error sums. SQNR is
 * left out, since engines differ in the last bit of a logarithm. The numbers of bits, types, layouts and kinds of
 * weights have no common factor, so that every combination of two occurs.
 */
export function results(channelwise: Channelwise): string[] {
  return Array.from({ length: 200 }, (_, i) => {
    const bits = allBits[i % allBits.length];
    const type = types[i % types.length];
    const layout = layouts[i % layouts.length];
    const kind = Object.keys(kinds)[i % Object.keys(kinds).length];
    // The sizes go from 64 weights to more than the staging memory holds.
    const shape = [GROUP * (1 + (i % 3)), GROUP * (1 + (i % 2)), GROUP * (1 + Math.floor((i % 29) ** 2 / 4))];
    const length = shape.reduce((a, b) => a * b);
    const weights = kinds[kind](type === "float64" ? type : "float32", length, i, bits);

    const dtype = type === "float16" || type === "bfloat16" ? type : undefined;
    const { quantized, scales, dequantized, mse, maxError, perChannel } = channelwise.quantize(
      dtype === undefined ? weights : halves(weights as Float32Array, dtype),
      { shape, bits, ...layout, ...(dtype && { dtype }), errors: "channel", dequantize: true },
    );
    const errors = Float64Array.of(mse, maxError, ...perChannel.mse, ...perChannel.maxError);
    const hashes = Object.entries({ quantized, scales, dequantized, errors }).map(
      ([name, values]) => `${name} ${hash(values)}`,
    );
    return `${i}: ${kind}, ${type} [${shape}], ${bits} bits, ${JSON.stringify(layout)}: ${hashes.join(", ")}`;
  });
}

/** FNV-1a of 32 bits, over bytes (G. Fowler, L. C. Noll, K.-P. Vo). */
function hash({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  const sum = bytes.reduce((sum, byte) => Math.imul(sum ^ byte, 0x01000193), 0x811c9dc5);
  return (sum >>> 0).toString(16).padStart(8, "0");
}
