import { FormatError, type ModelTensor, openModel } from "channelwise/models";
import { readNpy, writeNpy } from "channelwise/npy";
import fc from "fast-check";
import { dump as npyjsDump } from "npyjs";
import { describe, expect, it } from "vitest";
import { inRows } from "../../../dist/formats/npy/fortran-order.js";
import { bytesPerElement, type Dtype } from "../../../dist/tensor/dtypes.js";
import { randomBits, uniform } from "../random.js";
import { expectSameBits } from "../same-bits.js";

/** A .npy file with the data of another and its own header. */
function npyFile(descr: string, shape: readonly number[], data: Uint8Array, fortranOrder = false): Uint8Array {
  const tuple = shape.map((dimension) => `${dimension},`).join(" ");
  const order = fortranOrder ? "True" : "False";
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${tuple}), }\n`;
  const start = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 0xff, header.length >> 8];
  const file = new Uint8Array(start.length + header.length + data.length);
  file.set(start);
  file.set(new TextEncoder().encode(header), start.length);
  file.set(data, start.length + header.length);
  return file;
}

async function tensorOf(file: Uint8Array): Promise<ModelTensor> {
  const { format, tensors } = await openModel(file, { name: "weights.npy" });
  expect(format).toBe("npy");
  expect(tensors).toHaveLength(1);
  return tensors[0];
}

const shapes = fc.array(fc.nat({ max: 5 }), { maxLength: 4 });
const sizeOf = (shape: readonly number[]) => shape.reduce((product, dimension) => product * dimension, 1);

describe("a .npy file, read in parts", () => {
  it.each(["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"])("gives what readNpy gives of it whole: %s", async (descr) => {
    const unit = Number(descr[2]);
    const cases = fc.record({
      shape: shapes,
      fortranOrder: fc.boolean(),
      seed: fc.nat(),
      cut: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, fortranOrder, seed, cut }) => {
        const next = randomBits(seed);
        const data = Uint8Array.from({ length: sizeOf(shape) * unit }, () => next() & 0x3f); // avoids NaNs in both byte orders
        const file = npyFile(descr, shape, data, fortranOrder);
        const tensor = await tensorOf(file);
        const dtype = { 2: "float16", 4: "float32", 8: "float64" }[unit];
        expect(tensor).toMatchObject({ name: "weights", dtype, shape, byteLength: data.length });

        const middle = Math.floor(cut * data.length);
        const bytes = new Uint8Array(data.length);
        bytes.set(await tensor.read(0, middle));
        bytes.set(await tensor.read(middle, data.length - middle), middle);
        const { weights } = readNpy(npyFile(`<${descr.slice(1)}`, shape, bytes));
        expectSameBits(weights, readNpy(file).weights, "weights");
      }),
    );
  });

  it.each([
    ["|b1", "bool"],
    ["|u1", "uint8"],
    ["|i1", "int8"],
    ["<u2", "uint16"],
    ["<i2", "int16"],
    ["<u4", "uint32"],
    ["<i4", "int32"],
    ["<u8", "uint64"],
    ["<i8", "int64"],
    ["<c8", "complex64"],
  ])("may hold numbers that are no weights: %s", async (descr, dtype) => {
    const unit = Number(descr[2]);
    const data = Uint8Array.from({ length: 6 * unit }, (_, i) => i);
    const tensor = await tensorOf(npyFile(descr, [2, 3], data));
    expect(tensor.dtype).toBe(dtype);
    expect(await tensor.read(0, data.length)).toEqual(data);
  });

  it("puts big-endian numbers in order, of a complex one each half", async () => {
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const read = async (descr: string, shape: number[]) =>
      Array.from(await (await tensorOf(npyFile(descr, shape, data))).read(0, 8));
    expect(await read(">i8", [1])).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
    expect(await read(">c8", [1])).toEqual([4, 3, 2, 1, 8, 7, 6, 5]);
    expect(await read(">i2", [4])).toEqual([2, 1, 4, 3, 6, 5, 8, 7]);
  });

  it("reads what npyjs writes", async () => {
    const weights = uniform("float64", 12, 1);
    const tensor = await tensorOf(new Uint8Array(npyjsDump(weights, [3, 4])));
    expectSameBits(new Float64Array((await tensor.read(0, 96)).buffer), weights, "weights");
  });

  // Short columns, which are read with their neighbours; long ones, of which the rows of a band are read; an array of
  // three dimensions, whose columns lie in another order; and elements of every size.
  it.each<[Dtype, readonly number[]]>([
    ["float32", [70, 900]],
    ["float32", [5000, 13]],
    ["float16", [90, 700]],
    ["float64", [3, 2000]],
    ["int8", [20_000, 7]],
    ["float32", [30, 20, 50]],
  ])("puts Fortran's order into rows, a band at a time: %s %j", async (dtype, shape) => {
    const [rows, ...inner] = shape;
    const unit = bytesPerElement(dtype);
    const columns = inner.reduce((a, b) => a * b, 1);
    const inFortransOrder = Uint8Array.from({ length: rows * columns * unit }, (_, i) => (i * 2654435761) >>> 24);
    const source = {
      name: "a.npy",
      size: inFortransOrder.length,
      read: async (offset: number, length: number) => inFortransOrder.slice(offset, offset + length),
    };
    const [second = 1, third = 1] = inner;
    const expected = new Uint8Array(inFortransOrder.length);
    for (let row = 0, to = 0; row < rows; row++) {
      for (let j = 0; j < second; j++) {
        for (let k = 0; k < third; k++, to += unit) {
          const from = (row + rows * (j + second * k)) * unit;
          expected.set(inFortransOrder.subarray(from, from + unit), to);
        }
      }
    }
    for (const bandRows of [1, 7, rows]) {
      const data = inRows(source, dtype, shape, bandRows * columns * unit);
      const parts = [0, 3 * unit, 11 * columns * unit + unit, expected.length].filter((at) => at <= expected.length);
      for (let i = 1; i < parts.length; i++) {
        const part = await data.read(parts[i - 1], parts[i] - parts[i - 1]);
        expectSameBits(part, expected.subarray(parts[i - 1], parts[i]), `bands of ${bandRows} rows, part ${i}`);
      }
    }
  });

  it("refuses Fortran's order of rows too long", async () => {
    const read = async () => new Uint8Array(0);
    const start = npyFile("<f4", [2, 2 ** 28], new Uint8Array(), true);
    const file = {
      name: "wide.npy",
      size: start.length + 2 ** 31,
      read: async (offset: number, length: number) =>
        offset < start.length ? start.slice(offset, offset + length) : read(),
    };
    await expect(openModel(file)).rejects.toThrow(
      /one index of the first dimension takes 1073741824 bytes; at most 536870912/,
    );
  });

  it("is refused when it is cut short, at every length", async () => {
    const file = writeNpy(Float32Array.of(1, 2, 3), [3]);
    for (let length = 0; length < file.length; length++) {
      await expect(tensorOf(file.subarray(0, length))).rejects.toThrow(FormatError);
    }
  });
});
