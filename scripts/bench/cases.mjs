// The cases of the benchmark. Those of one group are interleaved, so that ratios between them come from the same
// moments.

/**
 * A shape of weights, and how they are quantized.
 * @typedef {object} Work
 * @property {string} name
 * @property {"float32" | "float64"} type
 * @property {number[]} shape
 * @property {number} bits
 * @property {{ axis: number } | { granularity: "tensor" | { group: number, along: number } }} layout
 * @property {boolean} [hasPeers] whether others do the same work: float32 rows at 8 bits
 * @property {{ scales: "max" | "search", zeroPoints: boolean }} [rule] of codes that are measured alone, with scales by
 * search or zero points
 */

/**
 * Options of `quantize`.
 * @typedef {{ name: string, errors: "total" | false, dequantize: boolean }} Job
 */

/** @typedef {{ works: Work[], rounds: number }} Group */

/** @type {Job[]} */
export const jobs = [
  { name: "codes", errors: false, dequantize: false },
  { name: "codes, errors", errors: "total", dequantize: false },
  { name: "codes, errors, dequantized", errors: "total", dequantize: true },
];

/** @returns {Work} */
const rows = (/** @type {number} */ count, /** @type {number} */ length) => ({
  name: `${count} x ${length}`,
  type: "float32",
  shape: [count, length],
  bits: 8,
  layout: { axis: 0 },
  hasPeers: true,
});

const square = rows(4096, 4096);
const alone = { ...square, hasPeers: false };

/** @type {Work[]} */
const layouts = [
  square,
  { ...alone, name: "4096 x 4096, last axis", layout: { axis: -1 } },
  { ...alone, name: "64 x 4096 x 64, middle axis", shape: [64, 4096, 64], layout: { axis: 1 } },
  { ...alone, name: "4096 x 4096, per tensor", layout: { granularity: "tensor" } },
  { ...alone, name: "4096 x 4096, groups of 32", layout: { granularity: { group: 32, along: -1 } } },
  { ...alone, name: "Conv 512 x 512 x 3 x 3", shape: [512, 512, 3, 3] },
  { ...alone, name: "4096 x 4096, 4 bits", bits: 4 },
  { ...alone, name: "4096 x 4096, 16 bits", bits: 16 },
  { ...alone, name: "4096 x 4096, float64", type: "float64" },
];

/** Rows of 1024 with other rules than the maximum, and with it beside them. @type {Work[]} */
const searches = [
  .../** @type {const} */ ([
    ["groups of 32", { granularity: { group: 32, along: -1 } }],
    ["rows", { axis: 0 }],
  ]).flatMap(([name, layout]) =>
    /** @type {[string, NonNullable<Work["rule"]>][]} */ ([
      ["", { scales: "max", zeroPoints: false }],
      [", search", { scales: "search", zeroPoints: false }],
      [", zero points", { scales: "max", zeroPoints: true }],
      [", zero points, search", { scales: "search", zeroPoints: true }],
    ]).map(([by, rule]) => {
      const named = { name: `1024 x 1024, 4 bits, ${name}${by}`, bits: 4, layout, rule };
      return { ...rows(1024, 1024), hasPeers: false, ...named };
    }),
  ),
];

/** @type {(options: { quick: boolean }) => Group[]} */
export const groups = ({ quick }) => [
  { works: [rows(64, 64)], rounds: quick ? 5 : 41 },
  { works: [rows(768, 768)], rounds: quick ? 5 : 41 },
  { works: layouts, rounds: quick ? 3 : 15 },
  { works: searches, rounds: quick ? 3 : 15 },
  ...(quick ? [] : [{ works: [rows(4096, 16384)], rounds: 5 }]),
];

/** The weights as outer x channels x inner, row-major: each channel (or group) has one scale. */
export function extents(/** @type {Work} */ { shape, layout }) {
  const size = product(shape);
  if ("axis" in layout) {
    const axis = layout.axis < 0 ? layout.axis + shape.length : layout.axis;
    return { outer: product(shape.slice(0, axis)), channels: shape[axis], inner: product(shape.slice(axis + 1)) };
  }
  if (layout.granularity === "tensor") return { outer: 1, channels: 1, inner: size };
  // Groups here are along the last axis.
  return { outer: 1, channels: size / layout.granularity.group, inner: layout.granularity.group };
}

export const product = (/** @type {number[]} */ numbers) => numbers.reduce((a, b) => a * b, 1);

/** Reproducible weights, roughly normal, whose size changes from one run of 1000 to the next. */
export function weightsOf(/** @type {Work} */ { type, shape }) {
  const size = product(shape);
  const weights = type === "float32" ? new Float32Array(size) : new Float64Array(size);
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' ranqd1
    return state / 2 ** 32 - 0.5;
  };
  let spread = 0;
  for (let i = 0; i < size; i++) {
    if (i % 1000 === 0) spread = 0.02 + 0.04 * (next() + 0.5);
    weights[i] = spread * (next() + next() + next());
  }
  return weights;
}
