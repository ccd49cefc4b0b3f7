import { FormatError, readNpy, writeNpy } from "channelwise/npy";
import fc from "fast-check";
import { float16ToFloat32, dump as npyjsDump, parse as npyjsParse } from "npyjs";
import { describe, expect, it } from "vitest";
import { expectSameBits } from "./same-bits.js";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** A .npy file put together by hand, so that any part of it can be wrong. */
function npyFile(header: string, data: Uint8Array = new Uint8Array(), version = 1, said = header.length): Uint8Array {
  const length = Uint8Array.of(said & 0xff, (said >> 8) & 0xff, (said >> 16) & 0xff, said >>> 24);
  const text = Uint8Array.from(header, (character) => character.charCodeAt(0));
  const start = [...MAGIC, version, 0, ...length.subarray(0, version === 1 ? 2 : 4), ...text];
  const file = new Uint8Array(start.length + data.length);
  file.set(start);
  file.set(data, start.length);
  return file;
}

function headerOf(descr: string, shape: string, fortranOrder = "False"): string {
  return `{'descr': '${descr}', 'fortran_order': ${fortranOrder}, 'shape': ${shape}, }\n`;
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function swapped(values: Float32Array | Float64Array): Uint8Array {
  const bytes = new Uint8Array(values.byteLength);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    if (values instanceof Float32Array) view.setFloat32(4 * i, value, false);
    else view.setFloat64(8 * i, value, false);
  });
  return bytes;
}

function errorOf(bytes: Uint8Array): FormatError {
  try {
    readNpy(bytes, "weights.npy");
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  return expect.fail("the file was read");
}

const shapes = fc.array(fc.nat({ max: 5 }), { maxLength: 5 });
const floats32 = (length: number) => fc.float32Array({ minLength: length, maxLength: length });
const floats64 = (length: number) => fc.float64Array({ minLength: length, maxLength: length });
const sizeOf = (shape: readonly number[]) => shape.reduce((product, dimension) => product * dimension, 1);
const tensors = shapes.chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    values: fc.oneof(floats32(sizeOf(shape)), floats64(sizeOf(shape))) as fc.Arbitrary<Float32Array | Float64Array>,
  }),
);

describe("readNpy", () => {
  it("gives back what writeNpy wrote, bit for bit", () => {
    fc.assert(
      fc.property(tensors, ({ shape, values }) => {
        const read = readNpy(writeNpy(values, shape));
        expect(read.shape).toEqual(shape);
        expectSameBits(read.weights, values, "weights");
      }),
    );
  });

  it("reads what npyjs writes", () => {
    fc.assert(
      fc.property(tensors, ({ shape, values }) => {
        fc.pre(shape.length > 0); // npyjs replaces an empty shape by the length
        const read = readNpy(npyjsDump(values, shape));
        expect(read.shape).toEqual(shape);
        expectSameBits(read.weights, values, "weights");
      }),
    );
  });

  it.each(["<f4", "=f4", "|f4", "f4"])("reads %s as little-endian", (descr) => {
    const { weights, shape } = readNpy(npyFile(headerOf(descr, "(2, 1)"), bytesOf(Float32Array.of(1.5, -2))));
    expect(shape).toEqual([2, 1]);
    expectSameBits(weights, Float32Array.of(1.5, -2), "weights");
  });

  it("reads big-endian floats and leaves the file's bytes alone", () => {
    for (const values of [Float32Array.of(1, -0, 3e-45, NaN), Float64Array.of(1, -0, 5e-324, Infinity)]) {
      const descr = `>f${values.BYTES_PER_ELEMENT}`;
      const file = npyFile(headerOf(descr, "(4,)"), swapped(values));
      const before = file.slice();
      expectSameBits(readNpy(file).weights, values, "weights");
      expect(file).toEqual(before);
    }
  });

  it.each(["<f2", ">f2"])("widens every %s exactly", (descr) => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const data = bytesOf(descr === "<f2" ? halves : halves.map((half) => (half >> 8) | (half << 8)));
    const { weights } = readNpy(npyFile(headerOf(descr, "(256, 256)"), data));
    expect(weights).toBeInstanceOf(Float32Array);
    halves.forEach((half) => {
      if (!Object.is(weights[half], float16ToFloat32(half))) {
        expect.fail(`half ${half.toString(16)} is ${weights[half]}, expected ${float16ToFloat32(half)}`);
      }
    });
    expect([weights[0x3c00], weights[1], weights[0x7bff], weights[0x8000]]).toEqual([1, 2 ** -24, 65504, -0]);
  });

  it.each(["|V2", "<V2"])("widens %s, which is how numpy saves bfloat16", (descr) => {
    // Upper halves of float32: signs, subnormals, infinity.
    const halves = Uint16Array.of(0x3f80, 0xc049, 0x0001, 0x8000, 0x7f80, 0x7f7f);
    const { weights, shape } = readNpy(npyFile(headerOf(descr, "(2, 3)"), bytesOf(halves)));
    expect(shape).toEqual([2, 3]);
    const expected = Float32Array.of(1, -3.140625, 2 ** -133, -0, Infinity, 2 ** 128 - 2 ** 120);
    expectSameBits(weights, expected, "weights");
  });

  it("puts Fortran's order into rows", () => {
    fc.assert(
      fc.property(tensors, ({ shape, values }) => {
        const tuple = `(${shape.map((dimension) => `${dimension},`).join("")})`;
        const { weights } = readNpy(npyFile(headerOf(`<f${values.BYTES_PER_ELEMENT}`, tuple, "True"), bytesOf(values)));
        const expected = values.slice();
        expected.forEach((_, row) => {
          let [rest, from, stride] = [row, 0, sizeOf(shape)];
          for (const dimension of [...shape].reverse()) {
            stride /= dimension;
            from += (rest % dimension) * stride;
            rest = Math.floor(rest / dimension);
          }
          expected[row] = values[from];
        });
        expectSameBits(weights, expected, "weights");
      }),
    );
    const columns = Float32Array.of(1, 4, 2, 5, 3, 6);
    const { weights } = readNpy(npyFile(headerOf("<f4", "(2, 3)", "True"), bytesOf(columns)));
    expect(Array.from(weights)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it.each([1, 2, 3])("reads format version %i", (version) => {
    const { weights } = readNpy(npyFile(headerOf("<f8", "(1,)"), bytesOf(Float64Array.of(0.1)), version));
    expect(Array.from(weights)).toEqual([0.1]);
  });

  it("reads a header longer than version 1 allows", () => {
    const { weights } = readNpy(npyFile(headerOf("<f8", "(1,)").padEnd(70_000), bytesOf(Float64Array.of(0.1)), 2));
    expect(Array.from(weights)).toEqual([0.1]);
  });

  it.each([
    `{"shape": (2,), "descr": "<f4", "fortran_order": False}`,
    `  {  'fortran_order':False,'descr':'<f4','shape':(2,)}   \n`,
    `{'descr': '<f4', 'fortran_order': False, 'shape': (2L,), }`,
  ])("reads any way of writing the header: %s", (header) => {
    const { weights, shape } = readNpy(npyFile(header, bytesOf(Float32Array.of(1, 2))));
    expect([Array.from(weights), shape]).toEqual([[1, 2], [2]]);
  });

  it("reads a single number and an empty array", () => {
    expect(readNpy(npyFile(headerOf("<f4", "()"), bytesOf(Float32Array.of(7))))).toEqual({
      weights: Float32Array.of(7),
      shape: [],
    });
    expect(readNpy(npyFile(headerOf("<f8", "(3, 0)")))).toEqual({ weights: new Float64Array(), shape: [3, 0] });
  });

  it("gives a view where the bytes can be used as they are, wherever they start", () => {
    const file = writeNpy(Float64Array.of(1, 2, 3), [3]);
    expect(readNpy(file).weights.buffer).toBe(file.buffer);
    expect(readNpy(file.buffer).weights.buffer).toBe(file.buffer);
    for (let start = 0; start < 16; start++) {
      const moved = new Uint8Array(file.length + 16);
      moved.set(file, start);
      const { weights } = readNpy(moved.subarray(start, start + file.length));
      expectSameBits(weights, Float64Array.of(1, 2, 3), `weights from byte ${start}`);
      expect(weights.buffer === moved.buffer).toBe(start % 8 === 0);
    }
  });
});

describe("a file that cannot be read", () => {
  const good = npyFile(headerOf("<f4", "(2, 2)"), bytesOf(Float32Array.of(1, 2, 3, 4)));
  const dataStart = good.length - 16;

  it("is named when it is cut short, at every length", () => {
    for (let length = 0; length < good.length; length++) {
      const error = errorOf(good.subarray(0, length));
      expect(error).toMatchObject({ file: "weights.npy", offset: length });
      expect(error.reason).toMatch(/^the file ends here/);
    }
    expect(errorOf(good.subarray(0, -1)).message).toBe(
      `weights.npy, byte ${good.length - 1}: the file ends here, after 15 bytes of data, and shape (2, 2) of '<f4' takes 16 bytes: it is cut short, save it again`,
    );
  });

  it("is named when bytes follow the data", () => {
    const error = errorOf(Uint8Array.of(...good, 0, 0, 0));
    expect(error).toMatchObject({ offset: good.length });
    expect(error.reason).toMatch(/^3 bytes too many follow the data, and shape \(2, 2\) of '<f4' takes 16 bytes/);
  });

  it.each([
    ["another format", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a), 0, /starts with 89 50 4e 47 0d 0a/],
    ["an archive", Uint8Array.of(0x50, 0x4b, 3, 4, 5, 6), 0, /zip or \.npz archive, unpack it/],
    ["a future version", npyFile(headerOf("<f4", "(0,)"), undefined, 4), 6, /version is 4\.0; 1\.0, 2\.0 and 3\.0/],
    ["version 0", npyFile(headerOf("<f4", "(0,)"), undefined, 0), 6, /version is 0\.0/],
    ["a damaged header length", npyFile("", undefined, 2, 0x7fffffff), 8, /2147483647 bytes; at most 1048576/],
    ["integers", npyFile(headerOf("<i8", "(0,)")), 20, /type '<i8'; floats .* array\.astype/],
    ["complex numbers", npyFile(headerOf("<c8", "(0,)")), 20, /type '<c8'/],
    ["extended floats", npyFile(headerOf("<f16", "(0,)")), 20, /type '<f16'/],
    ["Python objects", npyFile(headerOf("|O", "(0,)")), 20, /type '\|O'/],
    ["named fields", npyFile("{'descr': [('a', '<f4')], }"), 20, /\[\('a', '<f4'\)\].*named fields/],
    ["no shape", npyFile("{'descr': '<f4', 'fortran_order': False}"), 10, /lacks 'shape'/],
    ["an empty header", npyFile("{}"), 10, /lacks 'descr', 'fortran_order', 'shape'/],
    ["no header", npyFile(""), 10, /nothing more where '\{'/],
    ["an unknown name", npyFile("{'descr': '<f4', 'order': 'C'}"), 27, /"order"; only 'descr'/],
    ["a name twice", npyFile("{'descr': '<f4', 'descr': '<f8'}"), 27, /'descr' twice/],
    ["a number for a shape", npyFile(headerOf("<f4", "(3)")), 62, /where a comma must stand/],
    ["a negative dimension", npyFile(headerOf("<f4", "(-3,)")), 61, /"-3,\), \}\\n" where a dimension/],
    ["a fractional dimension", npyFile(headerOf("<f4", "(1.5,)")), 62, /where a comma/],
    ["a list for a shape", npyFile(headerOf("<f4", "[3]")), 60, /where the shape in parentheses/],
    ["a word for an order", npyFile(headerOf("<f4", "(3,)", "Falsehood")), 44, /where True or False/],
    ["text after the header", npyFile(`${headerOf("<f4", "(0,)")}x`), 68, /where only spaces/],
    ["a missing comma", npyFile("{'descr': '<f4' 'shape': (1,)}"), 26, /a comma or '\}'/],
    ["a huge dimension", npyFile(headerOf("<f4", `(${"9".repeat(400)},)`)), 61, /9{24}\.\.\.; it can be at most 90071/],
    ["too many dimensions", npyFile(headerOf("<f4", `(${"1, ".repeat(65)})`)), 253, /more than 64 dimensions/],
    [
      "a huge product",
      npyFile(headerOf("<f8", `(${"9007199254740991, ".repeat(60)})`)),
      60,
      /the shape is \(9007199254740991, .*\.\.\.\); it must be .* whose product without zeros is at most 140737488355328/,
    ],
  ])("is named: %s", (_, bytes, offset, reason) => {
    const error = errorOf(bytes);
    expect(error.reason).toMatch(reason);
    expect(error).toMatchObject({ name: "FormatError", file: "weights.npy", tensor: undefined, offset });
  });

  it("is either read or refused with a FormatError inside it, whatever bytes change", () => {
    const change = fc.record({ at: fc.nat({ max: dataStart - 1 }), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = good.slice();
        for (const { at, byte } of changes) bytes[at] = byte;
        let read: ReturnType<typeof readNpy>;
        try {
          read = readNpy(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
          expect((error as FormatError).offset).toBeLessThanOrEqual(bytes.length);
          return;
        }
        expect(read.weights.length).toBe(sizeOf(read.shape));
      }),
      { numRuns: 2000 },
    );
  });

  it("is called the file where it has no name", () => {
    expect(() => readNpy(new Uint8Array())).toThrow(/^the file, byte 0: the file ends here/);
  });
});

describe("writeNpy", () => {
  it("writes what npyjs reads, aligned to 64 bytes", () => {
    const codes = shapes.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        values: fc.oneof(
          fc.int8Array({ minLength: sizeOf(shape), maxLength: sizeOf(shape) }),
          fc.int16Array({ minLength: sizeOf(shape), maxLength: sizeOf(shape) }),
        ) as fc.Arbitrary<Int8Array | Int16Array>,
      }),
    );
    fc.assert(
      fc.property(fc.oneof(codes, tensors), ({ shape, values }) => {
        const file = writeNpy(values, shape);
        expect((file.length - values.byteLength) % 64).toBe(0);
        const parsed = npyjsParse(file.buffer);
        expect([parsed.shape, parsed.fortranOrder]).toEqual([shape, false]);
        expectSameBits(parsed.data as typeof values, values, "data");
      }),
    );
  });

  it("writes part of a buffer", () => {
    const part = new Float32Array(Float32Array.of(1, 2, 3, 4).buffer, 4, 2);
    expect(readNpy(writeNpy(part, [2])).weights).toEqual(Float32Array.of(2, 3));
  });

  it("writes the longest header", () => {
    const shape = Array.from({ length: 64 }, (_, i) => (i === 0 ? 0 : i === 1 ? 2 ** 47 : 1));
    expect(readNpy(writeNpy(new Float32Array(), shape)).shape).toEqual(shape);
  });

  it.each([
    [Float32Array.of(1, 2), [3], RangeError, "shape [3] has 3 elements; values has 2"],
    [new Float32Array(), [2 ** 32, 2 ** 32], RangeError, "has 18446744073709551616 elements; values has 0"],
    [Float32Array.of(1), [-1, -1], RangeError, "shape[0] is -1; it must be an integer from 0 to"],
    [Float32Array.of(1), [1, 0.5], RangeError, "shape[1] is 0.5;"],
    [Float32Array.of(1), ["1"], TypeError, 'shape[0] is "1"; it must be a number'],
    [Float32Array.of(1), 1, TypeError, "shape is 1; it must be an array of dimensions"],
    [
      new Float32Array(),
      [0, 2 ** 48],
      RangeError,
      "shape is [0, 281474976710656]; it must be of at most 64 integers from 0 up",
    ],
    [Float32Array.of(1), Array(65).fill(1), RangeError, "shape has 65 dimensions; at most 64"],
    [[1], [1], TypeError, "values is a value of type Array; it must be a Float32Array"],
    [Uint8Array.of(1), [1], TypeError, "values is a value of type Uint8Array"],
    [undefined, [1], TypeError, "values is undefined"],
  ])("refuses %s with shape %s", (values, shape, type, message) => {
    const write = () => writeNpy(values as Float32Array, shape as number[]);
    expect(write).toThrow(type);
    expect(write).toThrow(message);
  });
});

describe("codes", () => {
  it.each([Int8Array.of(-128, 0, 1, 127, -1, 5), Int16Array.of(-32768, 0, 1, 32767, -1, 5)])(
    "are read as they were written: %o",
    (codes) => {
      const file = writeNpy(codes, [2, 3]);
      expect(readNpy(file)).toEqual({ weights: codes, shape: [2, 3] });
      const moved = new Uint8Array(file.length + 1);
      moved.set(file, 1);
      expect(readNpy(moved.subarray(1)).weights).toEqual(codes);
    },
  );

  it("are read in the other order of bytes, and in Fortran's", () => {
    const swapped = bytesOf(Int16Array.of(0x0102, -2));
    for (let i = 0; i < swapped.length; i += 2) swapped.subarray(i, i + 2).reverse();
    expect(readNpy(npyFile(headerOf(">i2", "(2,)"), swapped)).weights).toEqual(Int16Array.of(0x0102, -2));
    const columns = bytesOf(Int8Array.of(1, 4, 2, 5, 3, 6));
    const { weights } = readNpy(npyFile(headerOf("|i1", "(2, 3)", "True"), columns));
    expect(weights).toEqual(Int8Array.of(1, 2, 3, 4, 5, 6));
  });
});

it("readNpy refuses what is not bytes", () => {
  for (const [bytes, message] of [
    ["a.npy", 'bytes is "a.npy"; it must be an ArrayBuffer or a Uint8Array'],
    [Float32Array.of(1), "bytes is a value of type Float32Array"],
    [null, "bytes is null"],
  ] as const) {
    expect(() => readNpy(bytes as unknown as Uint8Array)).toThrow(TypeError);
    expect(() => readNpy(bytes as unknown as Uint8Array)).toThrow(message);
  }
});
