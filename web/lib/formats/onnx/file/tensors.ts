import type { CodeArray } from "../../../core/arguments.js";
import type { Engine } from "../../../core/memory/buffers.js";
import type { ByteSource } from "../../../io/bytes.js";
import { isBelow } from "../../../io/paths.js";
import { fields } from "../../../storage/fields.js";
import { integers } from "../../../storage/integers.js";
import { placeOf } from "../../../storage/storage.js";
import { elementsOf, isShape, shapeLimits } from "../../../tensor/dtypes.js";
import { floatsOf } from "../../../tensor/floats.js";
import { readHalves } from "./halves.js";
import { dataType, type Graph, type Node, type Proto, type Run, type Tensor } from "./proto.js";
import type { WireReader } from "./wire.js";

// Finds the data of tensors: in the model's file as raw bytes or as fields, or in files beside it.

/** The files beside a model, by the location that its tensors give. */
export type ExternalFiles = ReadonlyMap<string, ByteSource>;

/** The type of integers. Those of fewer than 8 bits fill a byte from its lowest bits on. */
export interface CodeType {
  readonly bits: 2 | 4 | 8 | 16;
  readonly signed: boolean;
}

/** The bits of an element, by TensorProto.DataType; strings have none. */
const elementBits: Readonly<Record<number, number>> = {
  ...{ 1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16 },
  ...{ 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2 },
};

/** Yields every tensor of a model. */
export function* tensorsOf({ graph, functions }: Proto): Generator<Tensor> {
  yield* tensorsOfGraph(graph);
  for (const { graph: body } of functions) yield* tensorsOfGraph(body);
}

function* tensorsOfGraph({ initializers, nodes }: Graph): Generator<Tensor> {
  yield* initializers;
  yield* tensorsOfNodes(nodes);
}

function* tensorsOfNodes(nodes: readonly Node[]): Generator<Tensor> {
  for (const { attributes } of nodes) {
    for (const { tensor, graphs } of attributes.values()) {
      if (tensor) yield tensor;
      for (const inner of graphs) yield* tensorsOfGraph(inner);
    }
  }
}

/**
 * Opens every file that the tensors of a model lie in; throws where a tensor does not fit into its file.
 *
 * @param open opens the file at a path relative to the model's folder
 */
export async function openExternalFiles(
  proto: Proto,
  open: (location: string) => Promise<ByteSource>,
): Promise<ExternalFiles> {
  const { reader } = proto;
  const files = new Map<string, ByteSource>();
  for (const { name, message, external } of tensorsOf(proto)) {
    if (external === undefined) continue;
    const location = external.location ?? "";
    if (files.has(location)) continue;
    const fail = (reason: string) => reader.fail(message.at, reason, name);
    // The path is opened on a disk, and anybody may have written the model.
    if (!isBelow(location)) {
      fail(`its data lie in ${JSON.stringify(location)}, which is not a path below the model's folder`);
    }
    try {
      files.set(location, await open(location));
    } catch (error) {
      fail(
        `its data lie in the file ${location} beside the model, which cannot be opened: ${(error as Error).message}`,
      );
    }
  }
  for (const tensor of tensorsOf(proto)) externalBytes(tensor, reader, files);
  return files;
}

/** The number of elements of a tensor; throws for impossible dimensions. */
export function sizeOf({ message, name, shape }: Tensor, reader: WireReader): number {
  if (!isShape(shape)) {
    const reason = `shape [${shape.join(", ")}] is not possible; it must be of ${shapeLimits}: export the model again`;
    reader.fail(message.at, reason, name);
  }
  return elementsOf(shape);
}

/** A stretch of a file beside the model. */
export interface ExternalBytes {
  readonly source: ByteSource;
  readonly start: number;
  readonly length: number;
}

/** The place of an external tensor; throws where it does not fit into its file. */
export function externalBytes(tensor: Tensor, reader: WireReader, files: ExternalFiles): ExternalBytes | undefined {
  const { external, message, name, type } = tensor;
  if (external === undefined) return undefined;
  const source = files.get(external.location ?? "") as ByteSource;
  const number = (key: "offset" | "length", missing: number) => {
    const text = external[key];
    if (text === undefined) return missing;
    const value = /^\d+$/.test(text) ? Number(text) : -1;
    if (Number.isSafeInteger(value) && value >= 0) return value;
    return reader.fail(
      message.at,
      `the ${key} of its data is ${JSON.stringify(text)}, which is not a number of bytes`,
      name,
    );
  };
  const start = number("offset", 0);
  const length = number("length", Math.ceil((sizeOf(tensor, reader) * (elementBits[type] ?? 8)) / 8));
  if (start + length > source.size) {
    const reason = `its ${length} bytes should begin at byte ${start} of ${source.name}, which has ${source.size} bytes`;
    reader.fail(message.at, `${reason}: it is cut short, or another file`, name);
  }
  return { source, start, length };
}

/** The bytes of the weights of a float32 or float16 tensor; throws where their number does not fit its shape. */
export function floatSource(tensor: Tensor, reader: WireReader, files: ExternalFiles) {
  const { message, name, type, shape, floats, halves } = tensor;
  const length = sizeOf(tensor, reader);
  const bytesEach = type === dataType.float16 ? 2 : 4;
  const whole = wholeBytes(tensor, reader, files);
  const runs = whole ? [{ start: whole.start, count: whole.length / bytesEach, stride: bytesEach }] : floats;
  const found = halves?.count ?? runs.reduce((sum, { count }) => sum + count, 0);
  if (found !== length) {
    const reason = `shape [${shape.join(", ")}] has ${length} elements, but the file has the bytes of ${found}`;
    reader.fail(message.at, `${reason}: the file is damaged, export the model again`, name);
  }
  const source = whole?.source ?? reader.source;
  const read = (start: number, count: number) =>
    halves ? readHalves(reader, halves, start, count) : readRuns(source, runs, bytesEach, start, count);
  const dtype = bytesEach === 2 ? "float16" : "float32";
  const widened = (bytes: Uint8Array<ArrayBuffer>) => floatsOf(bytes, dtype) as Float32Array<ArrayBuffer>;
  return { length, byteLength: bytesEach * length, read, floats: widened };
}

/** The place of the bytes of a tensor that are in one piece, in the model's file or beside it. */
export function wholeBytes(tensor: Tensor, reader: WireReader, files: ExternalFiles): ExternalBytes | undefined {
  const { raw } = tensor;
  const inside = raw && { source: reader.source, start: raw.start, length: raw.end - raw.start };
  return externalBytes(tensor, reader, files) ?? inside;
}

/**
 * The integers of a tensor, which may take less than a byte each. 2^(bits - 1) is subtracted from unsigned ones. Throws
 * where their number does not fit.
 */
export function codeSource(
  tensor: Tensor,
  { bits, signed }: CodeType,
  count: number,
  reader: WireReader,
  files: ExternalFiles,
) {
  const { message, name, shape, integerFields } = tensor;
  const whole = wholeBytes(tensor, reader, files);
  const byteLength = Math.ceil((count * bits) / 8);
  const checkLength = (found: number) => {
    if (found === byteLength) return;
    const reason = `its codes of shape [${shape.join(", ")}] take ${byteLength} bytes, but the file has ${found}`;
    reader.fail(message.at, reason, name);
  };
  const isInFields = whole === undefined && integerFields.length > 0;
  if (!isInFields) checkLength(whole?.length ?? 0);
  async function readBytes(start: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (whole) return whole.source.read(whole.start + start, length);
    const integers: number[] = [];
    for (const field of integerFields) await reader.integers(field, integers, `an integer of ${name}`);
    const bytes = new Uint8Array((bits === 16 ? Uint16Array : Uint8Array).from(integers).buffer);
    checkLength(bytes.length);
    return bytes.slice(start, start + length);
  }
  const storage = bits < 8 ? fields({ bits, offset: !signed }, count) : integers(bits as 8 | 16, !signed);
  return {
    byteLength,
    async read(engine: Engine, start: number, length: number): Promise<CodeArray> {
      const place = placeOf(storage, start, length);
      return storage.unpack(engine, start, length, await readBytes(place.first, place.length));
    },
  };
}

async function readRuns(
  source: ByteSource,
  runs: readonly Run[],
  bytesEach: number,
  start: number,
  count: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const [only] = runs;
  if (runs.length === 1 && only?.stride === bytesEach) {
    return source.read(only.start + bytesEach * start, bytesEach * count);
  }
  const values = new Uint8Array(bytesEach * count);
  let first = 0;
  for (const run of runs) {
    const from = Math.max(start, first);
    const to = Math.min(start + count, first + run.count);
    if (from < to) {
      const bytes = await source.read(
        run.start + (from - first) * run.stride,
        (to - 1 - from) * run.stride + bytesEach,
      );
      for (let i = from; i < to; i++) {
        const at = (i - from) * run.stride;
        values.set(bytes.subarray(at, at + bytesEach), bytesEach * (i - start));
      }
    }
    first += run.count;
  }
  return values;
}
