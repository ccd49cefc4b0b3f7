import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { load } from "channelwise";
import { compareModels, fileSink, openModel, planModel, quantizeModel, type Rules } from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import { load as loadParallel } from "channelwise/parallel";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cutPatches, type PatchCut, writeInRows } from "../../../dist/formats/npy/row-file.js";
import { placeInPatches } from "../../../dist/io/patches.js";
import { TemporaryFile } from "../../../dist/io/temporary-file.js";
import { uniform } from "../random.js";
import { expectSameBits } from "../same-bits.js";

const sizeOf = (shape: readonly number[]) => shape.reduce((product, dimension) => product * dimension, 1);

/** For each element in C order, which it is in Fortran's. */
function fortranPlaces(shape: readonly number[]): Float64Array {
  const strides = shape.map((_, i) => sizeOf(shape.slice(0, i)));
  return Float64Array.from({ length: sizeOf(shape) }, (_, at) => {
    let rest = at;
    return shape.reduceRight((place, dimension, i) => {
      const index = rest % dimension;
      rest = (rest - index) / dimension;
      return place + index * strides[i];
    }, 0);
  });
}

describe("an array in Fortran's order, put into rows in a file", () => {
  it("holds each element in its place, however patches are cut", async () => {
    const cases = fc.record({
      shape: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 4 }),
      unit: fc.constantFrom(1, 2, 4, 8),
      patchBytes: fc.integer({ min: 64, max: 4096 }),
    });
    let cuts = 0;
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, unit, patchBytes }) => {
        fc.pre(shape.filter((dimension) => dimension > 1).length > 1);
        const cut = cutPatches(shape, unit, patchBytes);
        if (cut === undefined) return;
        cuts++;
        const data = Uint8Array.from({ length: sizeOf(shape) * unit }, (_, i) => (i * 2654435761) >>> 24);
        const file = await inPatches(data, cut);
        const expected = new Uint8Array(data.length);
        for (const [at, from] of fortranPlaces(shape).entries()) {
          expected.set(data.subarray(from * unit, (from + 1) * unit), at * unit);
        }
        const found = new Uint8Array(data.length);
        for (let at = 0; at < data.length; ) {
          const { position, length } = placeInPatches(cut.patches, at);
          found.set(file.subarray(position, position + Math.min(length, data.length - at)), at);
          at += length;
        }
        expectSameBits(found, expected, `${shape} of ${unit} bytes`);
      }),
    );
    expect(cuts).toBeGreaterThan(20);
  });

  async function inPatches(data: Uint8Array, cut: PatchCut): Promise<Uint8Array> {
    const file = new Uint8Array(data.length);
    const shares: number[] = [];
    const source = {
      name: "a.npy",
      size: data.length,
      read: async (offset: number, length: number) => data.slice(offset, offset + length),
    };
    const write = async (offset: number, bytes: Uint8Array) => file.set(bytes, offset);
    await writeInRows(source, cut, write, { signal: undefined, progress: (share) => shares.push(share) });
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
    return file;
  }

  it("is not put where there is no room", async () => {
    expect(await TemporaryFile.create(2 ** 62)).toBeUndefined();
  });
});

describe.each<[string, readonly number[]]>([
  ["short columns", [40, 120_000]],
  ["long columns", [900_000, 6]],
  ["three dimensions", [30, 4, 40_000]],
])("a large .npy file in Fortran's order, of %s", (_, shape) => {
  const folder = mkdtempSync(join(tmpdir(), "channelwise-fortran-"));
  const [inC, inFortran] = [join(folder, "c", "weights.npy"), join(folder, "fortran", "weights.npy")];
  const parallel = loadParallel({ workers: 2 });

  beforeAll(async () => {
    const weights = uniform("float32", sizeOf(shape), 5);
    const turned = new Float32Array(weights.length);
    for (const [at, place] of fortranPlaces(shape).entries()) turned[place] = weights[at];
    for (const path of [inC, inFortran]) mkdirSync(dirname(path));
    writeFileSync(inC, writeNpy(weights, shape));
    const file = writeNpy(turned, shape);
    const header = new TextDecoder("latin1").decode(file.subarray(0, 128));
    file.set(new TextEncoder().encode(header.slice(10).replace("False", "True ")), 10);
    writeFileSync(inFortran, file);
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true });
    (await parallel).close();
  });

  async function quantized(path: string, rules: Rules, isParallel: boolean) {
    const channelwise = isParallel ? await parallel : await load();
    const model = await openModel(path);
    const output = join(folder, "output.safetensors");
    const progress: number[] = [];
    const { tensors } = await quantizeModel(
      channelwise,
      planModel(model, rules),
      await fileSink(output, { overwrite: true }),
      { onProgress: ({ done }) => progress.push(done) },
    );
    await model.close();
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.at(-1)).toBe(4 * sizeOf(shape));
    return { tensors, file: readFileSync(output) };
  }

  it.each<[string, Rules, boolean]>([
    ["a scale a row", {}, true],
    ["4 bits in groups", { bits: 4, granularity: { group: 30, along: 0 } }, true],
    ["one scale, without workers", { granularity: "tensor" }, false],
    ["kept", { exclude: ["weights"] }, true],
  ])("becomes what it becomes in C order, to the last bit: %s", async (_, rules, isParallel) => {
    const expected = await quantized(inC, rules, isParallel);
    const found = await quantized(inFortran, rules, isParallel);
    expect(found.tensors).toEqual(expected.tensors);
    expectSameBits(found.file, expected.file, "file");
  });

  it("is the same as in C order where the two are compared", async () => {
    const models = [await openModel(inC), await openModel(inFortran)] as const;
    const { tensors } = await compareModels(await parallel, ...models);
    expect(tensors).toMatchObject([{ tensor: "weights", result: "same" }]);
    for (const model of models) await model.close();
  });

  it("leaves nothing when it is stopped while it is put into rows", async () => {
    const model = await openModel(inFortran);
    const controller = new AbortController();
    const stopped = quantizeModel(
      await parallel,
      planModel(model),
      await fileSink(join(folder, "output.safetensors"), { overwrite: true }),
      { signal: controller.signal, onProgress: () => controller.abort(new Error("enough")) },
    );
    await expect(stopped).rejects.toMatchObject({ cause: { message: "enough" } });
    await model.close();
    expect(readdirSync(folder).filter((name) => name.endsWith(".partial"))).toEqual([]);
    if (process.platform === "linux") expect(openFiles().filter((path) => path.includes("channelwise-"))).toEqual([]);
  });
});

/** The paths of all files that this process has open. */
function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`)];
    } catch {
      return []; // that of the list itself
    }
  });
}
