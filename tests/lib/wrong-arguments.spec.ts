import { load, NonFiniteError, type QuantizeOptions } from "channelwise";
import { describe, expect, it } from "vitest";

const channelwise = await load();

/** Arrays of the caller that must stay untouched when an argument is wrong. */
function untouched() {
  const into = {
    quantized: new Int8Array(6).fill(99),
    scales: new Float32Array(2).fill(99),
    dequantized: new Float32Array(6).fill(99),
    perChannel: {
      mse: new Float64Array(2).fill(99),
      maxError: new Float64Array(2).fill(99),
      sqnr: new Float64Array(2).fill(99),
    },
  };
  const expectUntouched = () => {
    const arrays = [into.quantized, into.scales, into.dequantized, ...Object.values(into.perChannel)];
    for (const array of arrays) expect(array.every((element) => element === 99)).toBe(true);
  };
  return { into, expectUntouched };
}

/** A signature that lets the compiler accept wrong arguments. */
type Loose = (weights: unknown, options?: unknown) => unknown;
const quantize = channelwise.quantize as unknown as Loose;
const dequantize = channelwise.dequantize as unknown as Loose;

function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  return expect.fail("the argument was accepted");
}

type Kind = typeof TypeError | typeof RangeError;

function expectRefused(call: () => unknown, kind: Kind, patterns: readonly RegExp[]) {
  const error = thrownBy(call);
  expect(error).toBeInstanceOf(kind);
  expect(error).not.toBeInstanceOf(NonFiniteError);
  for (const pattern of patterns) expect(error.message).toMatch(pattern);
}

const weights = Float32Array.of(1, 2, 3, 4, 5, 6);
const symbol = Symbol("no weights");

/** The wrong options, the error, and patterns for its message: the argument, its value and the limit. */
type Row = readonly [options: object, kind: Kind, patterns: readonly RegExp[]];

describe("quantize refuses", () => {
  it.each<Row>([
    [{ bits: 1 }, RangeError, [/bits/, /\b1\b/, /\b2\b/, /\b16\b/]],
    [{ bits: 17 }, RangeError, [/bits/, /\b17\b/, /\b16\b/]],
    [{ bits: 0 }, RangeError, [/bits/, /\b0\b/]],
    [{ bits: -8 }, RangeError, [/bits/, /-8/]],
    [{ bits: 8.5 }, RangeError, [/bits/, /8\.5/]],
    [{ bits: Number.NaN }, RangeError, [/bits/, /NaN/]],
    [{ bits: Number.POSITIVE_INFINITY }, RangeError, [/bits/, /Infinity/]],
    [{ bits: 2 ** 32 + 8 }, RangeError, [/bits/, /4294967304/]],
    [{ bits: "8" }, TypeError, [/bits/, /"8"/]],
    [{ bits: 8n }, TypeError, [/bits/]],
    [{ bits: null }, TypeError, [/bits/, /null/]],
    [{ bits: [8] }, TypeError, [/bits/]],
    [{ bits: true }, TypeError, [/bits/, /true/]],
  ])("%o", refuses);

  it.each<Row>([
    [{ shape: [2, 4] }, RangeError, [/shape/, /\b8\b/, /\b6\b/]],
    [{ shape: [7] }, RangeError, [/shape/, /\b7\b/, /\b6\b/]],
    [{ shape: [] }, RangeError, [/shape/, /\b6\b/]],
    [{ shape: [6, 0] }, RangeError, [/shape\[1\]/, /\b0\b/]],
    [{ shape: [0, 6] }, RangeError, [/shape\[0\]/, /\b0\b/]],
    [{ shape: [-2, -3] }, RangeError, [/shape\[0\]/, /-2/]],
    [{ shape: [1.5, 4] }, RangeError, [/shape\[0\]/, /1\.5/]],
    [{ shape: [Number.NaN, 6] }, RangeError, [/shape\[0\]/, /NaN/]],
    [{ shape: [2 ** 53, 2 ** 53] }, RangeError, [/shape\[0\]/]],
    [{ shape: [6, Number.POSITIVE_INFINITY] }, RangeError, [/shape\[1\]/, /Infinity/]],
    [{ shape: ["2", 3] }, TypeError, [/shape\[0\]/, /"2"/]],
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
    [{ shape: [2, , 3] }, TypeError, [/shape\[1\]/, /undefined/]],
    [{ shape: [2, null] }, TypeError, [/shape\[1\]/, /null/]],
    [{ shape: [2n, 3n] }, TypeError, [/shape\[0\]/]],
    [{ shape: "2,3" }, TypeError, [/shape/, /"2,3"/]],
    [{ shape: 6 }, TypeError, [/shape/, /\b6\b|number/]],
    [{ shape: { length: 2, 0: 2, 1: 3 } }, TypeError, [/shape/]],
    [{ shape: null }, TypeError, [/shape/, /null/]],
    [{ shape: undefined }, TypeError, [/shape/, /Float32Array/]],
  ])("%o", refuses);

  it.each<Row>([
    [{ axis: 2 }, RangeError, [/axis/, /\b2\b/, /\b1\b/]],
    [{ axis: -3 }, RangeError, [/axis/, /-3/, /-2/]],
    [{ axis: 0.5 }, RangeError, [/axis/, /0\.5/]],
    [{ axis: Number.NaN }, RangeError, [/axis/, /NaN/]],
    [{ axis: "1" }, TypeError, [/axis/, /"1"/]],
    [{ axis: null }, TypeError, [/axis/, /null/]],
    [{ axis: [0] }, TypeError, [/axis/]],
  ])("%o", refuses);

  it.each<Row>([
    [{ granularity: "row" }, TypeError, [/granularity/, /"row"/, /channel/, /tensor/]],
    [{ granularity: "" }, TypeError, [/granularity/, /""/]],
    [{ granularity: null }, TypeError, [/granularity/, /null/]],
    [{ granularity: 3 }, TypeError, [/granularity/]],
    [{ granularity: ["channel"] }, TypeError, [/granularity/]],
    [{ granularity: {} }, TypeError, [/granularity/]],
    [{ granularity: { group: 2 } }, RangeError, [/granularity\.group/, /\b2\b/, /shape\[1\]/, /\b3\b/]],
    [{ granularity: { group: 3, along: null } }, TypeError, [/granularity\.along/, /null/]],
    [{ granularity: { along: 1 } }, TypeError, [/granularity\.group/, /undefined/]],
    [{ granularity: { group: 2, along: 1 } }, RangeError, [/granularity\.group/, /\b2\b/, /\b3\b/]],
    [{ granularity: { group: 4, along: 1 } }, RangeError, [/granularity\.group/, /\b4\b/, /\b3\b/]],
    [{ granularity: { group: 0, along: 1 } }, RangeError, [/granularity\.group/, /\b0\b/]],
    [{ granularity: { group: -3, along: 1 } }, RangeError, [/granularity\.group/, /-3/]],
    [{ granularity: { group: 1.5, along: 1 } }, RangeError, [/granularity\.group/, /1\.5/]],
    [{ granularity: { group: Number.NaN, along: 1 } }, RangeError, [/granularity\.group/, /NaN/]],
    [{ granularity: { group: "3", along: 1 } }, TypeError, [/granularity\.group/, /"3"/]],
    [{ granularity: { group: 1, along: 2 } }, RangeError, [/granularity\.along/, /\b2\b/]],
    [{ granularity: { group: 1, along: -3 } }, RangeError, [/granularity\.along/, /-3/]],
    [{ granularity: { group: 1, along: "0" } }, TypeError, [/granularity\.along/, /"0"/]],
    [{ granularity: { group: 3, along: 1, size: 2 } }, TypeError, [/granularity/, /size/]],
    [{ granularity: { size: 3, along: 1 } }, TypeError, [/granularity/, /size/]],
  ])("%o", refuses);

  it.each<Row>([
    [{ errors: "all" }, TypeError, [/errors/, /"all"/, /total/, /channel/]],
    [{ errors: true }, TypeError, [/errors/, /true/]],
    [{ errors: null }, TypeError, [/errors/, /null/]],
    [{ errors: 0 }, TypeError, [/errors/]],
    [{ dequantize: "yes" }, TypeError, [/dequantize/, /"yes"/]],
    [{ dequantize: 1 }, TypeError, [/dequantize/, /1/]],
    [{ dequantize: null }, TypeError, [/dequantize/, /null/]],
    [{ bit: 4 }, TypeError, [/"?bit\b/, /bits/]],
    [{ Axis: 1 }, TypeError, [/Axis/]],
    [{ granularity: "tensor", groupSize: 3 }, TypeError, [/groupSize/]],
  ])("%o", refuses);

  /** Expects that an option is refused beside valid ones and arrays to fill. */
  function refuses(options: object, kind: Kind, patterns: readonly RegExp[]) {
    const { into, expectUntouched } = untouched();
    const right = { shape: [2, 3], dequantize: true, errors: "channel", into };
    expectRefused(() => quantize(weights, { ...right, ...options }), kind, patterns);
    expectUntouched();
    expect(Array.from(weights)).toEqual([1, 2, 3, 4, 5, 6]);
  }

  it.each([null, 8, "shape", true, [2, 3], [], symbol, () => ({})])("the options %s", (options) => {
    expectRefused(() => quantize(weights, options), TypeError, [/options/]);
  });

  it("a typed array without a shape, unless there is one scale for all", () => {
    expectRefused(() => quantize(weights), TypeError, [/shape/]);
    expectRefused(() => quantize(weights, { axis: 0 }), TypeError, [/shape/]);
    expectRefused(() => quantize(weights, { granularity: { group: 2, along: 0 } }), TypeError, [/shape/]);
    expect(() => quantize(weights, { granularity: "tensor" })).not.toThrow();
  });

  it.each([
    [undefined, /undefined/],
    [null, /null/],
    [5, /5|number/],
    ["1,2,3", /"1,2,3"|string/],
    [symbol, /weights/],
    [{}, /object/],
    [{ length: 6, 0: 1 }, /object/],
    [new Int8Array(6), /Int8Array/],
    [new Uint8Array(6), /Uint8Array/],
    [new Int32Array(6), /Int32Array/],
    [new BigInt64Array(6), /BigInt64Array/],
    [new DataView(new ArrayBuffer(24)), /DataView/],
    [new ArrayBuffer(24), /weights/],
    [new Set([1]), /weights/],
    [() => [1], /function/],
    [Promise.resolve(weights), /weights/],
  ])("weights that are no float array: %o", (wrong, value) => {
    const { into, expectUntouched } = untouched();
    expectRefused(() => quantize(wrong, { shape: [2, 3], into }), TypeError, [/weights/, value]);
    expectUntouched();
  });

  it("a BigInt, which the message does not show as the number that must stand there", () => {
    expect(thrownBy(() => quantize(weights, { shape: [2n, 3n] })).message).toMatch(/shape\[0\] .*, not 2n$/);
    expect(thrownBy(() => quantize(weights, { shape: [2, 3], bits: 4n })).message).toMatch(/bits .*, not 4n$/);
  });

  it("weights that are empty: an empty channel has no scale", () => {
    for (const granularity of ["channel", "tensor", { group: 1, along: 0 }]) {
      for (const shape of [[0], [0, 3], [3, 0], undefined]) {
        const error = thrownBy(() => quantize(new Float32Array(0), { ...(shape && { shape }), granularity }));
        expect(error).toBeInstanceOf(RangeError);
        expect(error.message).toMatch(/weights|shape/);
      }
    }
  });

  it("weights whose buffer was transferred away", () => {
    for (const options of [{ shape: [2, 3] }, { granularity: "tensor" }]) {
      const gone = Float64Array.from(weights);
      structuredClone(gone, { transfer: [gone.buffer] });
      expectRefused(() => quantize(gone, options), TypeError, [/weights/, /detached/]);
    }
    const row = Float32Array.of(1, 2, 3);
    structuredClone(row, { transfer: [row.buffer] });
    expectRefused(() => quantize([Float32Array.of(1, 2, 3), row]), TypeError, [/weights\[1\]/, /detached/]);
  });
});

describe("quantize refuses into", () => {
  it.each<Row>([
    [{ quantized: new Int16Array(6) }, TypeError, [/into\.quantized/, /Int8Array/, /Int16Array/]],
    [{ quantized: new Uint8Array(6) }, TypeError, [/into\.quantized/, /Uint8Array/]],
    [{ quantized: new Uint8ClampedArray(6) }, TypeError, [/into\.quantized/, /Uint8ClampedArray/]],
    [{ quantized: [0, 0, 0, 0, 0, 0] }, TypeError, [/into\.quantized/, /Int8Array/]],
    [{ quantized: new ArrayBuffer(6) }, TypeError, [/into\.quantized/]],
    [{ quantized: null }, TypeError, [/into\.quantized/, /null/]],
    [{ quantized: new Int8Array(5) }, RangeError, [/into\.quantized/, /\b5\b/, /\b6\b/]],
    [{ quantized: new Int8Array(7) }, RangeError, [/into\.quantized/, /\b7\b/, /\b6\b/]],
    [{ quantized: new Int8Array(0) }, RangeError, [/into\.quantized/, /\b0\b/, /\b6\b/]],
    [{ scales: new Float64Array(2) }, TypeError, [/into\.scales/, /Float64Array/, /Float32Array/]],
    [{ scales: new Float32Array(1) }, RangeError, [/into\.scales/, /\b1\b/, /\b2\b/]],
    [{ scales: new Float32Array(3) }, RangeError, [/into\.scales/, /\b3\b/, /\b2\b/]],
    [{ dequantized: new Float64Array(6) }, TypeError, [/into\.dequantized/, /Float64Array/]],
    [{ dequantized: new Float32Array(7) }, RangeError, [/into\.dequantized/, /\b7\b/, /\b6\b/]],
    [{ perChannel: null }, TypeError, [/into\.perChannel/, /null/]],
    [{ perChannel: new Float64Array(2) }, TypeError, [/into\.perChannel/]],
    [{ codes: new Int8Array(6) }, TypeError, [/into/, /codes/]],
    [{ perchannel: {} }, TypeError, [/into/, /perchannel/]],
  ])("%o", refuses);

  it.each<Row>([
    [{ mse: new Float32Array(2) }, TypeError, [/into\.perChannel\.mse/, /Float32Array/, /Float64Array/]],
    [{ maxError: new Float64Array(1) }, RangeError, [/into\.perChannel\.maxError/, /\b1\b/, /\b2\b/]],
    [{ sqnr: new Float64Array(3) }, RangeError, [/into\.perChannel\.sqnr/, /\b3\b/, /\b2\b/]],
    [{ sqnr: undefined }, TypeError, [/into\.perChannel\.sqnr/, /undefined/]],
    [{ snr: new Float64Array(2) }, TypeError, [/into\.perChannel/, /\bsnr\b/]],
  ])("perChannel: %o", (wrong, kind, patterns) => {
    refuses({ perChannel: { ...untouched().into.perChannel, ...wrong } }, kind, patterns);
  });

  function refuses(wrong: object, kind: Kind, patterns: readonly RegExp[]) {
    const { into, expectUntouched } = untouched();
    const options = { shape: [2, 3], dequantize: true, errors: "channel", into: { ...into, ...wrong } };
    expectRefused(() => quantize(weights, options), kind, patterns);
    expectUntouched();
    if ("quantized" in wrong && ArrayBuffer.isView(wrong.quantized)) {
      expect(Array.from(new Uint8Array(wrong.quantized.buffer)).every((byte) => byte === 0)).toBe(true);
    }
  }

  it.each([null, 3, "arrays", [], new Int8Array(6)])("%o", (into) => {
    expectRefused(() => quantize(weights, { shape: [2, 3], into }), TypeError, [/into/]);
  });

  it("codes of the wrong type for the bits, values of the wrong type for the weights", () => {
    const options: QuantizeOptions = { shape: [2, 3], bits: 9, into: { quantized: new Int8Array(6) } };
    expectRefused(() => quantize(weights, options), TypeError, [/into\.quantized/, /Int16Array/]);
    const doubles = Float64Array.from(weights);
    const scales = new Float32Array(2);
    expectRefused(() => quantize(doubles, { shape: [2, 3], into: { scales } }), TypeError, [/scales/, /Float64Array/]);
    expectRefused(
      () =>
        quantize(
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
          { into: { scales } },
        ),
      TypeError,
      [/scales/, /Float64Array/],
    );
  });

  it("an array whose buffer was transferred away", () => {
    const { into, expectUntouched } = untouched();
    const gone = new Int8Array(6);
    structuredClone(gone, { transfer: [gone.buffer] });
    const call = () => quantize(weights, { shape: [2, 3], into: { scales: into.scales, quantized: gone } });
    expectRefused(call, TypeError, [/into\.quantized/, /detached/]);
    expectUntouched();
  });
});

describe("dequantize refuses", () => {
  const quantized = Int8Array.of(1, 2, 3, 4, 5, 6);
  const scales = Float32Array.of(1, 2);
  const right = { quantized, scales, shape: [2, 3] };

  it.each<Row>([
    [{ quantized: undefined }, TypeError, [/quantized/, /undefined/]],
    [{ quantized: [1, 2, 3, 4, 5, 6] }, TypeError, [/quantized/]],
    [{ quantized: new Uint8Array(6) }, TypeError, [/quantized/, /Uint8Array/]],
    [{ quantized: new Int32Array(6) }, TypeError, [/quantized/, /Int32Array/]],
    [{ quantized: new Int8Array(5) }, RangeError, [/shape/, /\b6\b/, /\b5\b/]],
    [{ quantized: new Int8Array(0) }, RangeError, [/quantized|shape/, /\b0\b/]],
    [{ scales: undefined }, TypeError, [/scales/, /undefined/]],
    [{ scales: [1, 2] }, TypeError, [/scales/]],
    [{ scales: new Int8Array(2) }, TypeError, [/scales/, /Int8Array/]],
    [{ scales: new Float32Array(1) }, RangeError, [/scales/, /\b1\b/, /\b2\b/]],
    [{ scales: new Float64Array(3) }, RangeError, [/scales/, /\b3\b/, /\b2\b/]],
    [{ shape: undefined }, TypeError, [/shape/, /undefined/]],
    [{ shape: [6] }, RangeError, [/scales/, /\b2\b/, /\b6\b/]],
    [{ shape: [2, 4] }, RangeError, [/shape/, /\b8\b/, /\b6\b/]],
    [{ shape: [2, 3, 0] }, RangeError, [/shape\[2\]/, /\b0\b/]],
    [{ axis: 1 }, RangeError, [/scales/, /\b2\b/, /\b3\b/]],
    [{ axis: 2 }, RangeError, [/axis/, /\b2\b/]],
    [{ axis: "0" }, TypeError, [/axis/, /"0"/]],
    [{ granularity: "tensor" }, RangeError, [/scales/, /\b2\b/, /\b1\b/]],
    [{ granularity: "rows" }, TypeError, [/granularity/, /"rows"/]],
    [{ granularity: { group: 2, along: 1 } }, RangeError, [/granularity\.group/, /\b2\b/, /\b3\b/]],
    [{ granularity: { group: 1, along: 1 } }, RangeError, [/scales/, /\b2\b/, /\b6\b/]],
  ])("%o", (wrong, kind, patterns) => {
    const dequantized = new Float32Array(6).fill(99);
    expectRefused(() => dequantize({ ...right, ...wrong }, { into: { dequantized } }), kind, patterns);
    expect(dequantized.every((value) => value === 99)).toBe(true);
  });

  it.each([undefined, null, 3, "weights", quantized])("%o as what it is to dequantize", (source) => {
    expectRefused(() => dequantize(source), TypeError, [/quantized/]);
  });

  it("codes and scales as two arguments, and says how they are given", () => {
    for (const options of [scales, { scales, shape: [2, 3] }, undefined]) {
      expectRefused(() => dequantize(quantized, options), TypeError, [
        /dequantize takes a result of quantize/,
        /\{ quantized, scales, shape, axis, granularity \}/,
        /Int8Array/,
      ]);
    }
    expectRefused(() => dequantize([[1, 2]], scales), TypeError, [/dequantize takes a result of quantize/, /an array/]);
  });

  it.each<Row>([
    [{ into: { dequantized: new Float64Array(6) } }, TypeError, [/into\.dequantized/, /Float64Array/, /Float32Array/]],
    [{ into: { dequantized: new Float32Array(5) } }, RangeError, [/into\.dequantized/, /\b5\b/, /\b6\b/]],
    [{ into: { dequantized: new Float32Array(7) } }, RangeError, [/into\.dequantized/, /\b7\b/, /\b6\b/]],
    [{ into: { dequantized: [] } }, TypeError, [/into\.dequantized/]],
    [{ into: { dequantized: null } }, TypeError, [/into\.dequantized/, /null/]],
    [{ into: { values: new Float32Array(6) } }, TypeError, [/into/, /values/]],
    [{ into: new Float32Array(6) }, TypeError, [/into/]],
    [{ into: null }, TypeError, [/into/, /null/]],
    [{ dequantized: new Float32Array(6) }, TypeError, [/dequantized/]],
    [{ bits: 8 }, TypeError, [/bits/]],
  ])("the options %o", (options, kind, patterns) => {
    expectRefused(() => dequantize(right, options), kind, patterns);
  });

  it.each([null, 3, "into", []])("the options %o", (options) => {
    expectRefused(() => dequantize(right, options), TypeError, [/options/]);
  });

  it("values that would overlap codes or scales in memory", () => {
    const buffer = new ArrayBuffer(64);
    const codes = new Int8Array(buffer, 0, 6);
    const factors = new Float32Array(buffer, 8, 2);
    for (const place of [4, 8, 12]) {
      const dequantized = new Float32Array(buffer, place, 6);
      const call = () => dequantize({ quantized: codes, scales: factors, shape: [2, 3] }, { into: { dequantized } });
      expectRefused(call, RangeError, [/into\.dequantized/, place < 8 ? /quantized/ : /scales/]);
    }
    expect(new Uint8Array(buffer).every((byte) => byte === 0)).toBe(true);
  });

  it("arrays whose buffers were transferred away", () => {
    for (const name of ["quantized", "scales"] as const) {
      const gone = right[name].slice();
      structuredClone(gone, { transfer: [gone.buffer] });
      expectRefused(() => dequantize({ ...right, [name]: gone }), TypeError, [new RegExp(name), /detached/]);
    }
    const dequantized = new Float32Array(6);
    structuredClone(dequantized, { transfer: [dequantized.buffer] });
    expectRefused(() => dequantize(right, { into: { dequantized } }), TypeError, [/into\.dequantized/, /detached/]);
  });
});
