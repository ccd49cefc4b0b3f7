// Arrays that change during a call: by a getter that the call reads, by code that runs while it waits, or by another
// thread. A call ends with an error or with the contents of the arrays, and never returns anything of an earlier call.

import { load as loadOneThread, type QuantizeOptions, type QuantizeResult } from "channelwise";
import { load, type ParallelChannelwise } from "channelwise/parallel";
import { afterAll, describe, expect, it } from "vitest";
import { type Floats, floatTypes, newFloats, uniform } from "./random.js";
import { expectSameBits } from "./same-bits.js";

const channelwise = await loadOneThread();
const parallel = await load({ workers: 2 });
const both = [channelwise as unknown as ParallelChannelwise, parallel];
afterAll(() => parallel.close());

/** Methods that TypeScript's library of 2022 lacks. */
type Resizable = ArrayBuffer & { resize(length: number): void };
const resizable = (length: number) =>
  new (ArrayBuffer as unknown as new (length: number, options: object) => Resizable)(length, {
    maxByteLength: 2 * length,
  });

/** The same weights in a buffer that can be resized. `fixed` arrays keep their length when it grows. */
function inResizable(weights: Float32Array, isFixed = true) {
  const buffer = resizable(weights.byteLength);
  const array = isFixed ? new Float32Array(buffer, 0, weights.length) : new Float32Array(buffer);
  array.set(weights);
  return { array, buffer };
}

function transferAway(array: ArrayBufferView): void {
  structuredClone(array, { transfer: [array.buffer as ArrayBuffer] });
}

/** Leaves codes in the staging memory that a call would return if it read too little. */
function callBefore(): void {
  channelwise.quantize(uniform("float32", 4096, 99), { shape: [64, 64], dequantize: true, errors: "channel" });
}

const weights = uniform("float32", 4096, 1);
const shape = [64, 64];
const expected = channelwise.quantize(weights, { shape, dequantize: true, errors: "channel" });

const quantizeAnything = channelwise.quantize as (weights: unknown, options: unknown) => QuantizeResult;

describe("a getter that takes an array away is read before the array is checked", () => {
  const arrays = () => ({
    quantized: new Int8Array(4096),
    scales: new Float32Array(64),
    dequantized: new Float32Array(4096),
    perChannel: { mse: new Float64Array(64), maxError: new Float64Array(64), sqnr: new Float64Array(64) },
  });

  it.each(["quantized", "scales", "dequantized"] as const)("of into: %s", (name) => {
    for (const reader of ["perChannel", "dequantized", "scales"] as const) {
      if (reader === name) continue;
      callBefore();
      const into = arrays();
      const { [name]: taken, [reader]: last } = into;
      Object.defineProperty(into, reader, {
        enumerable: true,
        get: () => {
          transferAway(taken);
          return last;
        },
      });
      const call = () => channelwise.quantize(weights, { shape, dequantize: true, errors: "channel", into });
      expect(call).toThrow(`into.${name} is detached`);
    }
  });

  it("of into.perChannel", () => {
    const into = arrays();
    const { mse, maxError } = into.perChannel;
    const perChannel = {
      mse,
      maxError,
      get sqnr() {
        transferAway(mse);
        return into.perChannel.sqnr;
      },
    };
    const call = () => channelwise.quantize(weights, { shape, errors: "channel", into: { perChannel } });
    expect(call).toThrow("into.perChannel.mse is detached");
  });

  it.each(["shape", "axis", "bits", "granularity", "errors", "dequantize", "into", "dtype"])(
    "of the options: %s",
    (name) => {
      callBefore();
      const { array, buffer } = inResizable(weights, false);
      const options = { shape, axis: 0, bits: 8, granularity: "channel", errors: "total", dequantize: true, into: {} };
      const value = (options as Record<string, unknown>)[name];
      const changing = Object.defineProperty({ ...options }, name, {
        enumerable: true,
        get: () => {
          buffer.resize(4 * 64);
          return value;
        },
      });
      expect(() => quantizeAnything(array, changing)).toThrow("shape [64, 64] has 4096 elements, but the array has 64");
      buffer.resize(0);
      expect(() => quantizeAnything(array, changing)).toThrow(/has 4096 elements, but the array has 64/);
    },
  );

  it("of a shape or a granularity", () => {
    const { array, buffer } = inResizable(weights);
    const takingAway = (value: number) => ({
      enumerable: true,
      get: () => {
        buffer.resize(0);
        return value;
      },
    });
    const dimensions = Object.defineProperty([64, 64], 1, takingAway(64));
    expect(() => channelwise.quantize(array, { shape: dimensions })).toThrow("weights is empty");
    buffer.resize(4 * 4096);
    const groups = Object.defineProperty({ group: 32, along: 1 }, "along", takingAway(1));
    expect(() => channelwise.quantize(array, { shape, granularity: groups })).toThrow("weights is empty");
  });

  it("of rows", () => {
    const last = Float32Array.of(3, 4);
    const { array, buffer } = inResizable(Float32Array.of(1, 2));
    const rows = Object.defineProperty([array, last], 1, {
      get: () => {
        buffer.resize(4);
        return last;
      },
    });
    expect(() => channelwise.quantize(rows)).toThrow("weights[0] is empty");
  });

  it("of what is dequantized, and of where to", () => {
    const { quantized, scales } = expected;
    for (const name of ["scales", "shape", "axis", "granularity"] as const) {
      const codes = quantized.slice();
      const source = { quantized: codes, scales, shape, axis: 0, granularity: "channel" as const };
      const { [name]: value } = source;
      const taking = Object.defineProperty({ ...source }, name, {
        get: () => {
          transferAway(codes);
          return value;
        },
      });
      expect(() => channelwise.dequantize(taking)).toThrow("quantized is detached");
    }
    const codes = quantized.slice();
    const into = {
      get dequantized() {
        transferAway(codes);
        return new Float32Array(4096);
      },
    };
    const call = () => channelwise.dequantize({ quantized: codes, scales, shape }, { into });
    expect(call).toThrow("quantized is detached");
  });
});

describe("options that say something else each time", () => {
  it("are read once", () => {
    const reads: Record<string, number> = {};
    const watched = <T extends object>(object: T, path: string): T =>
      new Proxy(object, {
        get: (target, name) => {
          const place = `${path}.${String(name)}`;
          reads[place] = (reads[place] ?? 0) + 1;
          return Reflect.get(target, name);
        },
      });
    const { quantized, scales, dequantized, perChannel } = channelwise.quantize(weights, {
      shape,
      dequantize: true,
      errors: "channel",
    });
    const into = { quantized, scales, dequantized, perChannel: watched(perChannel, "perChannel") };
    const options = {
      shape: watched([...shape], "shape"),
      bits: 8,
      granularity: watched({ group: 32, along: 1 }, "granularity"),
      errors: "channel",
      dequantize: true,
      into: watched({ ...into, scales: new Float32Array(128), perChannel: undefined }, "into"),
    };
    quantizeAnything(weights, watched(options, "options"));
    quantizeAnything(weights, watched({ shape, errors: "channel", into: { perChannel: into.perChannel } }, "other"));
    expect(Object.entries(reads).filter(([, times]) => times > 1)).toEqual([]);
    expect(reads).toMatchObject({ "options.granularity": 1, "into.scales": 1, "perChannel.mse": 1, "shape.length": 1 });
  });

  it("give what they said first", () => {
    let isFirst = true;
    const into = {
      get quantized() {
        const codes = isFirst ? new Int8Array(4096) : new Int8Array(1);
        isFirst = false;
        return codes;
      },
    };
    const result = channelwise.quantize(weights, { shape, into });
    expectSameBits(result.quantized, expected.quantized, "quantized");
  });
});

describe("rows of numbers", () => {
  it("that grow as they are read are those that were there", () => {
    callBefore();
    const rows: number[][] = [[1, 2], [3]];
    Object.defineProperty(rows[1], 1, {
      get: () => {
        rows.push([5, 6]);
        rows[1].push(7);
        return 4;
      },
    });
    const result = channelwise.quantize(rows, { dequantize: true });
    const own = channelwise.quantize(
      [
        [1, 2],
        [3, 4],
      ],
      { dequantize: true },
    );
    expect(result).toEqual(own);
  });

  it("that become others are refused, or are what they were when they were read", () => {
    const rows = [
      [1, 2],
      [3, 4],
    ];
    Object.defineProperty(rows, 1, { get: () => new Array(Math.ceil(Math.random() * 2)).fill(1) });
    for (let i = 0; i < 20; i++) {
      try {
        expect(channelwise.quantize(rows).quantized).toHaveLength(4);
      } catch (error) {
        expect(String(error)).toMatch(/weights\[1\] has 1 columns/);
      }
    }
    const nan = [[1, 2]];
    let reads = 0;
    Object.defineProperty(nan[0], 1, { get: () => (reads++ === 0 ? Number.NaN : 2) });
    expect(() => channelwise.quantize(nan)).toThrow("weights[1] (channel 0) is NaN");
  });
});

describe("arrays of classes of their own", () => {
  class Odd extends Float32Array {
    override get length() {
      return 1;
    }
    override get byteLength() {
      return 4;
    }
    override subarray(): never {
      throw new Error("called");
    }
    override set(): never {
      throw new Error("called");
    }
    static get [Symbol.species]() {
      return Float64Array;
    }
  }

  it("are what the language knows of them", async () => {
    const odd = new Odd(weights);
    const options = { shape, dequantize: true, errors: "channel" } as const;
    expect(channelwise.quantize(odd, options)).toEqual(expected);
    expect(await parallel.quantize(odd, options)).toEqual(expected);
    const rows = Array.from({ length: 64 }, (_, r) => new Odd(weights.slice(r * 64, (r + 1) * 64)));
    expect(channelwise.quantize(rows, { dequantize: true, errors: "channel" })).toEqual(expected);
    expect(await parallel.quantize(rows, { dequantize: true, errors: "channel" })).toEqual(expected);
    for (const one of both) {
      const dequantized = new Odd(4096);
      const into = { dequantized };
      await one.quantize(weights, { shape, dequantize: true, into });
      expectSameBits(Float32Array.from([...dequantized]), expected.dequantized, "dequantized");
      dequantized.fill(0);
      expect(await one.dequantize(expected, { into })).toBe(dequantized);
      expectSameBits(Float32Array.from([...dequantized]), expected.dequantized, "dequantized");
    }
  });

  it("are refused by the type and length that they have", () => {
    const named = Object.defineProperty(new Float64Array(64), Symbol.toStringTag, { value: "Float32Array" });
    const into = { scales: named };
    expect(() => channelwise.quantize(weights, { shape, into })).toThrow(/into\.scales.*Float64Array/);
    const longer = Object.defineProperty(new Float32Array(3), "length", { value: 64 });
    expect(() => channelwise.quantize(weights, { shape, into: { scales: longer } })).toThrow(
      "into.scales has 3 elements",
    );
  });
});

describe("arrays that follow the length of their buffer", () => {
  it("are taken as they are", async () => {
    const { array, buffer } = inResizable(weights, false);
    for (const one of both) {
      expect(await one.quantize(array, { shape, dequantize: true, errors: "channel" })).toEqual(expected);
    }
    buffer.resize(8 * 4096);
    array.set(weights, 4096);
    const longer = channelwise.quantize(array, { shape: [128, 64] });
    expectSameBits(longer.quantized.subarray(4096), expected.quantized, "quantized");
  });
});

describe("an asynchronous call", () => {
  const large = uniform("float32", 1_000_000, 2);
  const layouts: [string, QuantizeOptions][] = [
    ["that reads weights once", { shape: [1000, 1000] }],
    ["that reads weights twice", { shape: [1000, 1000], axis: 1 }],
    ["with one scale for all", { shape: [1000, 1000], granularity: "tensor" }],
  ];

  async function expectUsable() {
    const options = { shape: [1000, 1000] };
    const { quantized } = await parallel.quantize(large, options);
    expectSameBits(quantized, channelwise.quantize(large, options).quantized, "quantized");
  }

  describe.each(layouts)("%s", (_, options) => {
    it.each([
      ["are transferred", (array: Float32Array) => transferAway(array)],
      ["become shorter", (array: Float32Array) => (array.buffer as Resizable).resize(4 * 1000)],
      ["become empty", (array: Float32Array) => (array.buffer as Resizable).resize(0)],
    ])("is rejected where its weights %s", async (_, take) => {
      for (const isFixed of [true, false]) {
        const { array } = inResizable(large, isFixed);
        const call = parallel.quantize(array, options);
        take(array);
        await expect(call).rejects.toThrow(/^weights was transferred or became shorter during the call/);
      }
      await expectUsable();
    });

    it("is rejected where rows of its weights are taken away", async () => {
      const { axis } = options;
      const rows = Array.from({ length: 1000 }, (_, r) => large.slice(r * 1000, (r + 1) * 1000));
      const call = parallel.quantize(rows, axis === undefined ? {} : { axis });
      transferAway(rows[999]);
      await expect(call).rejects.toThrow(/^weights was transferred or became shorter/);
    });

    it.each(["quantized", "scales", "dequantized"] as const)(
      "is rejected where into.%s is taken away",
      async (name) => {
        const { quantized, scales, dequantized } = channelwise.quantize(large, { ...options, dequantize: true });
        for (const when of ["at once", "later"]) {
          const into = { quantized: quantized.slice(), scales: scales.slice(), dequantized: dequantized.slice() };
          const taken = into[name];
          let isTaken = false;
          const take = () => {
            if (!isTaken) transferAway(taken);
            isTaken = true;
          };
          const onProgress = when === "later" ? take : () => {};
          const call = parallel.quantize(large, { ...options, dequantize: true, into, onProgress });
          if (when === "at once") take();
          await expect(call).rejects.toThrow(`into.${name} was transferred or became shorter during the call`);
        }
      },
    );

    it("is rejected where into.perChannel is taken away", async () => {
      const { perChannel } = channelwise.quantize(large, { ...options, errors: "channel" });
      const call = parallel.quantize(large, { ...options, errors: "channel", into: { perChannel } });
      transferAway(perChannel.sqnr);
      await expect(call).rejects.toThrow("into.perChannel.sqnr was transferred or became shorter");
    });
  });

  it("is rejected where codes are taken away that are to be dequantized, or the array to fill", async () => {
    const { quantized, scales, shape } = channelwise.quantize(large, { shape: [1000, 1000] });
    const call = parallel.dequantize({ quantized, scales, shape });
    transferAway(quantized);
    await expect(call).rejects.toThrow(/^quantized was transferred or became shorter/);
    const dequantized = new Float32Array(1_000_000);
    const codes = new Int8Array(1_000_000);
    const other = parallel.dequantize({ quantized: codes, scales, shape }, { into: { dequantized } });
    transferAway(dequantized);
    await expect(other).rejects.toThrow(/^into\.dequantized was transferred or became shorter/);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e30, 0])(
    "is rejected where its weights become %d between two readings",
    async (value) => {
      const changing = large.slice();
      changing.fill(0.5, 999_000); // The new size fits the buffer, so only the change itself shows.
      let told = 0;
      const call = parallel.quantize(changing, {
        shape: [1000, 1000],
        axis: 1,
        bits: 4,
        // The last call of the first pass.
        onProgress: (done, total) => {
          if (done === total / 2) changing.fill(value, 0, 999_000);
          told++;
        },
      });
      await expect(call).rejects.toThrow("weights changed while they were quantized");
      expect(told).toBeGreaterThan(1);
      await expectUsable();
    },
  );
});

describe.each(floatTypes)("one shared memory in two objects, %s", (type) => {
  const size = newFloats(type, 1).BYTES_PER_ELEMENT;
  const Floats = newFloats(type, 1).constructor as new (
    buffer: SharedArrayBuffer,
    at: number,
    length: number,
  ) => Floats;

  const cloned = (): [SharedArrayBuffer, SharedArrayBuffer] => {
    const memory = new SharedArrayBuffer(2 ** 16);
    return [memory, structuredClone(memory)];
  };
  /** Within one thread, WebKit copies the memory, which is two memories then. */
  const sharesClones = () => {
    const [memory, clone] = cloned();
    new Uint8Array(memory)[0] = 1;
    return new Uint8Array(clone)[0] === 1;
  };

  /** Two objects of one memory, as messages between threads and growing memories make them. */
  const pairs: [string, () => [SharedArrayBuffer, SharedArrayBuffer]][] = [
    ...(sharesClones() ? [["by a message", cloned] satisfies [string, typeof cloned]] : []),
    [
      "by growing",
      () => {
        const memory = new WebAssembly.Memory({ shared: true, initial: 1, maximum: 2 });
        const before = memory.buffer as unknown as SharedArrayBuffer;
        memory.grow(1);
        return [before, memory.buffer as unknown as SharedArrayBuffer];
      },
    ],
  ];

  describe.each(pairs)("%s", (_, make) => {
    it.each([
      ["weights and codes", { quantized: 0 }, /into\.quantized overlaps weights/],
      ["weights and the last scale", { scales: 12 * size - size }, /into\.scales overlaps weights/],
      ["weights and values", { dequantized: size }, /into\.dequantized overlaps weights/],
      ["codes and scales", { quantized: 1024, scales: 1024 }, /into\.scales overlaps into\.quantized/],
    ] as [string, { quantized?: number; scales?: number; dequantized?: number }, RegExp][])(
      "is seen: %s",
      async (_, { quantized, scales, dequantized }, message) => {
        const [first, second] = make();
        expect(first).not.toBe(second);
        const bytes = new Uint8Array(first).map((_, i) => (i * 37) % 251);
        new Uint8Array(first).set(bytes);
        const ofWeights = new Floats(first, 0, 12).fill(0.25);
        const before = new Uint8Array(first).slice();
        const into = {
          ...(quantized !== undefined && { quantized: new Int8Array(second, quantized, 12) }),
          ...(scales !== undefined && { scales: new Floats(quantized === undefined ? second : first, scales, 3) }),
          ...(dequantized !== undefined && { dequantized: new Floats(second, dequantized, 12) }),
        };
        const options = { shape: [3, 4], dequantize: true, into };
        expect(() => channelwise.quantize(ofWeights, options)).toThrow(message);
        await expect(parallel.quantize(ofWeights, options)).rejects.toThrow(message);
        expect(new Uint8Array(first)).toEqual(before);
      },
    );

    it("is seen where codes are dequantized into it", () => {
      const [first, second] = make();
      const source = { quantized: new Int8Array(first, 8, 12), scales: new Floats(first, 2048, 3), shape: [3, 4] };
      for (const [place, name] of [
        [16, "quantized"],
        [2048 + size, "scales"],
      ] as const) {
        const into = { dequantized: new Floats(second, place, 12) };
        const refused = new RegExp(`into\\.dequantized overlaps ${name}`);
        expect(() => channelwise.dequantize(source, { into })).toThrow(refused);
      }
      const into = { dequantized: new Floats(second, 4096, 12) };
      expect(channelwise.dequantize(source, { into })).toBe(into.dequantized);
    });

    it("is used where places are apart, and so is other memory at the same places", () => {
      const [first, second] = make();
      const own = uniform(type, 12, 3);
      const expected = channelwise.quantize(own, { shape: [3, 4], dequantize: true });
      const ofWeights = new Floats(first, 0, 12);
      ofWeights.set(own as never);
      const other = new SharedArrayBuffer(2 ** 16);
      new Uint8Array(other).set(new Uint8Array(first)); // equal, but not the same
      for (let again = 0; again < 2; again++) {
        const into = {
          quantized: new Int8Array(other, 0, 12),
          scales: new Floats(second, 1024, 3),
          dequantized: new Floats(second, 2048, 12),
        };
        expect(channelwise.quantize(ofWeights, { shape: [3, 4], dequantize: true, into })).toEqual(expected);
      }
    });
  });
});
