import { load } from "channelwise";
import {
  type ByteSource,
  blobSink,
  FormatError,
  type ModelTensor,
  openModel,
  planModel,
  quantizeModel,
} from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import fc from "fast-check";
import { strToU8, unzipSync, type Zippable, zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { expectSameBits } from "../same-bits.js";

const open = (file: Uint8Array) => openModel(file, { name: "arrays.npz" });
const all = ({ read, byteLength }: ModelTensor) => read(0, byteLength);

async function errorOf(file: Uint8Array): Promise<FormatError> {
  try {
    const { tensors } = await open(file);
    for (const tensor of tensors) await all(tensor);
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  return expect.fail("the file was read");
}

/** A .npy file with `length` bytes of data, and an element type and shape as in the header. */
function npyOf(descr: string, shape: string, length: number, data = new Uint8Array(length)): Uint8Array<ArrayBuffer> {
  const dictionary = `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }`;
  const header = strToU8(`${dictionary.padEnd(117)}\n`);
  return Uint8Array.of(0x93, ...strToU8("NUMPY"), 1, 0, header.length, 0, ...header, ...data);
}

const weights = uniform("float32", 300 * 40, 1);
const indices = Int16Array.from({ length: 5 }, (_, i) => i);
const arrays: Zippable = {
  "weights.npy": writeNpy(weights, [300, 40]),
  "nested/indices.npy": writeNpy(indices, [5]),
  "notes.txt": strToU8("passed over"),
};

describe("a .npz file", () => {
  it.each([
    ["stored", 0],
    ["deflated", 6],
  ] as const)("is read when it is %s", async (_, level) => {
    const model = await open(zipSync(arrays, { level }));
    expect(model.tensors.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ["weights", "float32", [300, 40]],
      ["nested/indices", "int16", [5]],
    ]);
    expectSameBits(new Float32Array((await all(model.tensors[0])).buffer), weights, "weights");
    expectSameBits(new Int16Array((await all(model.tensors[1])).buffer), indices, "indices");
  });

  it("may be read in any order, of several arrays at once", async () => {
    const { tensors } = await open(
      zipSync({ "a.npy": arrays["weights.npy"], "b.npy": arrays["weights.npy"] }, { level: 9 }),
    );
    const bytes = new Uint8Array(weights.buffer);
    const ranges = fc.record({
      tensor: fc.nat({ max: 1 }),
      start: fc.nat({ max: bytes.length }),
      length: fc.nat({ max: 5000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(ranges, { minLength: 1, maxLength: 4 }), async (reads) => {
        const wanted = reads.map(({ tensor, start, length }) => ({
          tensor,
          start,
          length: Math.min(length, bytes.length - start),
        }));
        const results = await Promise.all(
          wanted.map(({ tensor, start, length }) => tensors[tensor].read(start, length)),
        );
        for (const [i, { start, length }] of wanted.entries()) {
          expect(results[i]).toEqual(bytes.slice(start, start + length));
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each<[string, Uint8Array]>([
    ["text", npyOf("'<U3'", "(2,)", 24)],
    ["bytes", npyOf("'|S5'", "(2,)", 10)],
    ["objects of Python", npyOf("'|O'", "()", 4)],
    ["complex numbers of float64", npyOf("'<c16'", "(4,)", 64)],
    ["dates", npyOf("'<M8[ns]'", "(4,)", 32)],
    ["named fields", npyOf("[('a', '<f4'), ('b', '<i4')]", "(2,)", 16)],
    ["floats of one byte without a type", npyOf("'|V1'", "(4,)", 4)],
  ])("has arrays that are no numbers passed over: %s", async (_, array) => {
    const model = await open(zipSync({ "weights.npy": arrays["weights.npy"], "odd.npy": array }));
    expect(model.tensors.map(({ name }) => name)).toEqual(["weights"]);
    expect(model.passedOver).toEqual([{ name: "odd.npy", reason: expect.stringMatching(/of type '|named fields/) }]);
    const channelwise = await load();
    const sink = blobSink();
    await quantizeModel(channelwise, planModel(model, { dialect: "npz" }), sink);
    const { quantized } = channelwise.quantize(weights, { shape: [300, 40] });
    const written = unzipSync(new Uint8Array(await (await sink.blob()).arrayBuffer()));
    expect(written["weights.quantized.npy"]).toEqual(writeNpy(quantized, [300, 40]));
  });

  it("has what is no array passed over, and folders are nothing", async () => {
    const note = Uint8Array.of(0, 5, 22, 7, 1, 2);
    const model = await open(
      zipSync({ ...arrays, "nested/": new Uint8Array(), "__MACOSX/._weights.npy": note, "nested/._indices.npy": note }),
    );
    expect(model.tensors.map(({ name }) => name)).toEqual(["weights", "nested/indices"]);
    expect(model.passedOver).toEqual([
      { name: "notes.txt", reason: "it is not a .npy file" },
      { name: "__MACOSX/._weights.npy", reason: "it is macOS's metadata of another file" },
      { name: "nested/._indices.npy", reason: "it is macOS's metadata of another file" },
    ]);
  });

  it("may hold bfloat16, which numpy calls two bytes of no type", async () => {
    const bits = Uint16Array.from({ length: 64 * 64 }, (_, i) => 0x3f00 + (i % 200));
    for (const descr of ["|V2", "<V2"]) {
      const array = npyOf(`'${descr}'`, "(64, 64)", 2 * bits.length, new Uint8Array(bits.buffer));
      const { tensors, passedOver } = await open(zipSync({ "w.npy": array }));
      expect(passedOver).toEqual([]);
      expect(tensors).toMatchObject([{ name: "w", dtype: "bfloat16", shape: [64, 64] }]);
      expect(await all(tensors[0])).toEqual(new Uint8Array(bits.buffer));
      expect((await openModel(array, { name: "w.npy" })).tensors).toMatchObject([{ dtype: "bfloat16" }]);
    }
  });

  it("is found behind a comment, and may be empty", async () => {
    const file = zipSync(arrays);
    const withComment = new Uint8Array(file.length + 1000);
    withComment.set(file);
    new DataView(withComment.buffer).setUint16(file.length - 2, 1000, true);
    expect((await open(withComment)).tensors).toHaveLength(2);
    expect((await open(zipSync({}))).tensors).toEqual([]);
  });

  it("is read by the ranges asked for", async () => {
    const file = zipSync({ "w.npy": writeNpy(new Float32Array(1e6), [1000, 1000]) }, { level: 0 });
    let largestRead = 0;
    const source: ByteSource = {
      name: "big.npz",
      size: file.length,
      async read(offset, length) {
        largestRead = Math.max(largestRead, length);
        return file.slice(offset, offset + length);
      },
    };
    const { tensors } = await openModel(source);
    await tensors[0].read(4000, 8000);
    expect(largestRead).toBeLessThan(70_000); // the end, where the directory may lie before a comment
  });
});

describe("a malformed .npz file", () => {
  const stored = zipSync({ "a.npy": writeNpy(Float32Array.of(1, 2), [2]) }, { level: 0 });
  const deflated = zipSync({ "a.npy": writeNpy(new Float32Array(100), [100]) }, { level: 9 });
  const directoryOf = (file: Uint8Array) => new DataView(file.buffer).getUint32(file.length - 6, true);

  /** The file with numbers of its directory's first entry changed. */
  function changed(file: Uint8Array, changes: Record<number, number>, bytes: 2 | 4 = 4): Uint8Array {
    const copy = file.slice();
    const view = new DataView(copy.buffer);
    for (const [at, value] of Object.entries(changes)) {
      if (bytes === 2) view.setUint16(directoryOf(file) + Number(at), value, true);
      else view.setUint32(directoryOf(file) + Number(at), value, true);
    }
    return copy;
  }

  it.each([
    ["is encrypted", { 8: 1 }, "it is encrypted"],
    ["has another compression", { 10: 14 }, "it is compressed by method 14; 0 (stored) and 8 (deflate) can be read"],
  ])("passes over an array that %s, and reads the others", async (_, changes, reason) => {
    const array = writeNpy(Float32Array.of(1, 2), [2]);
    const archive = zipSync({ "a.npy": array, "b.npy": array }, { level: 0 });
    const { tensors, passedOver } = await openModel([changed(archive, changes, 2)], { name: "arrays.npz" });
    expect(passedOver).toEqual([{ name: "a.npy", reason }]);
    expect(tensors.map(({ name }) => name)).toEqual(["b"]);
  });

  it.each([
    ["nothing but its first bytes", stored.slice(0, 30), /directory is missing at the end/],
    ["a directory that is no directory", changed(stored, { 0: 1 }), /entry 0 of 1 must be here/],
    ["two sizes", changed(stored, { 24: 1 }), /is stored in 136 bytes and has 1/],
    ["contents past the directory", changed(stored, { 20: 10_000, 24: 10_000 }), /out of bounds/],
    ["a place past the directory", changed(stored, { 42: 10_000 }), /out of bounds/],
    ["a place that is no entry", changed(stored, { 42: 1 }), /"a\.npy" must begin here/],
    ["a size that no deflated bytes have", changed(deflated, { 24: 2 ** 31 }), /bytes, too few for 2147483648/],
    ["a size that is too small", changed(deflated, { 24: 500 }), /go on after 500 bytes|cut short/],
    ["a size that is too large", changed(deflated, { 24: 600 }), /end here, .* they have 600 bytes|too many/],
    ["a wrong checksum", changed(deflated, { 16: 1 }), /do not match the checksum/],
    ["two entries of one place", duplicated("b"), /begins at byte 0, inside another entry/],
    ["an entry twice", duplicated("a"), /has "a\.npy" twice/],
    ["an array that is none", zipSync({ "a.npy": strToU8("oops, this is no array") }), /starts with 6f 6f 70 73/],
  ])("is refused: %s", async (_, file, reason) => {
    const error = await errorOf(file);
    expect(error.reason).toMatch(reason);
    expect(error.file).toMatch(/^arrays\.npz/);
  });

  /** Two entries of the directory for one place. */
  function duplicated(name: string): Uint8Array {
    const [start, end] = [directoryOf(stored), stored.length - 22];
    const entry = stored.slice(start, end);
    entry[46] = name.charCodeAt(0);
    const file = Uint8Array.of(...stored.slice(0, end), ...entry, ...stored.slice(end));
    const view = new DataView(file.buffer);
    view.setUint16(file.length - 12, 2, true);
    view.setUint32(file.length - 10, 2 * entry.length, true);
    return file;
  }

  it("is read or refused, whatever bytes change", async () => {
    const cases = fc.record({
      file: fc.constantFrom(stored, deflated),
      changes: fc.array(fc.record({ at: fc.nat({ max: 400 }), byte: fc.nat({ max: 255 }) }), {
        minLength: 1,
        maxLength: 4,
      }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ file, changes }) => {
        const bytes = file.slice();
        // Places are counted from the end, where the directory is.
        for (const { at, byte } of changes) bytes[Math.max(0, bytes.length - 1 - at)] = byte;
        try {
          for (const tensor of (await open(bytes)).tensors) {
            expect(tensor.byteLength).toBeLessThanOrEqual(bytes.length * 1032);
            await all(tensor);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

it("a .npz file that is written is read by fflate and by ourselves", async () => {
  const channelwise = await load();
  const model = await open(zipSync({ ...arrays, "empty.npy": writeNpy(new Float32Array(), [0, 3]) }));
  const sink = blobSink();
  const { byteLength } = await quantizeModel(channelwise, planModel(model, { dialect: "npz" }), sink);
  const file = new Uint8Array(await (await sink.blob()).arrayBuffer());
  expect(file.length).toBe(byteLength);

  const { quantized, scales } = channelwise.quantize(weights, { shape: [300, 40] });
  expect(unzipSync(file)).toEqual({
    "weights.quantized.npy": writeNpy(quantized, [300, 40]),
    "weights.scale.npy": writeNpy(scales, [300, 1]),
    "nested/indices.npy": writeNpy(indices, [5]),
    "empty.npy": writeNpy(new Float32Array(), [0, 3]),
  });
  expect((await open(file)).tensors.map(({ name }) => name)).toEqual([
    "weights.quantized",
    "weights.scale",
    "nested/indices",
    "empty",
  ]);
});
