import type { ByteSink, ByteSource } from "../../io/bytes.js";
import { byteLengthOf } from "../../tensor/dtypes.js";
import { narrowTo } from "../../tensor/floats.js";
import type { QuantizedTensor } from "../../tensor/quantized-tensor.js";
import { bytesIn } from "../../tensor/stored-scales.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import type { Inspection, Plan } from "../format.js";
import type { CopySource, Output, OutputStep, WriteBytes } from "../output.js";
import { codeSink } from "./codes.js";
import type { OnnxContents } from "./contents.js";
import type { Tensor } from "./file/proto.js";
import { type Later, lengthOf, totalLength } from "./file/splice.js";
import { floatSource, tensorsOf } from "./file/tensors.js";
import { layOutFloats } from "./floats.js";
import type { OnnxChoice } from "./forms/form.js";
import { layOut, type OnnxChanges, type OnnxLayout } from "./layout.js";
import type { QuantizedWeight } from "./quantized/quantized.js";
import type { Weight } from "./weights.js";

/** The size limit of a protocol buffer. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

/** A weight that is to be quantized, and the index of its decision. */
export type PlacedChoice = OnnxChoice & { readonly place: number };

/** The model with some weights quantized. */
export function quantizedOutput(
  changes: OnnxChanges & { readonly choices: readonly PlacedChoice[] },
  { model }: Plan,
  location: string | undefined,
): Output {
  const layout = layOutFor(changes, location);
  return outputOf(changes.model, layout, location, (write) => {
    const steps = new Map<Later, OutputStep>();
    for (const { choice, codes, scales, zeroPoints } of layout.weights) {
      const { place, weight } = choice as PlacedChoice;
      steps.set(codes, {
        ...stepOf(model.tensors[place] ?? weight),
        quantize: place,
        results: (engine) =>
          codeSink(engine, choice, {
            codes: lazily(write, codes),
            scales: lazily(write, scales),
            zeroPoints: lazily(write, zeroPoints),
          }),
      });
    }
    for (const { tensor, data } of layout.narrowed) {
      const { read, byteLength } = narrowedSource(tensor, changes.model);
      const step = { tensor: tensor.name, byteLength: 2 * byteLength, write: lazily(write, data) };
      steps.set(data, { ...step, copy: { byteLength, read } });
    }
    return steps;
  });
}

/** The largest finite float16. */
const MOST_FLOAT16 = 65504;

/** The bytes of a float32 tensor in float16. Finite numbers that are too large become the largest. */
function narrowedSource(tensor: Tensor, { proto, files }: OnnxContents): CopySource {
  const { length, read, floats } = floatSource(tensor, proto.reader, files);
  return {
    byteLength: 2 * length,
    async read(offset, count) {
      const values = floats(await read(offset / 2, count / 2));
      const most = (value: number) => Math.max(-MOST_FLOAT16, Math.min(MOST_FLOAT16, value));
      return bytesIn(
        narrowTo(
          "float16",
          values.map((value) => (Number.isFinite(value) ? most(value) : value)),
        ),
      );
    },
  };
}

/** The model with float weights in place of the quantized ones. */
export function floatsOutput(model: OnnxContents, { quantized }: Inspection): Output {
  const { parts, floats } = layOutFloats(model, quantized as readonly QuantizedWeight[]);
  const layout: OnnxLayout = { parts, external: [], weights: [], narrowed: [] };
  return outputOf(model, layout, undefined, (write) => {
    const steps = new Map<Later, OutputStep>();
    for (const { weight, dtype, data } of floats) {
      const { name, shape } = weight;
      const info = { name, dtype, shape, byteLength: byteLengthOf(dtype, shape) };
      steps.set(data, { ...stepOf(weight), dequantize: weight, info, write: lazily(write, data) });
    }
    return steps;
  });
}

type Writers = ReadonlyMap<Later, WriteBytes>;

/** Writes a part at the place that is known only when it is written. */
function lazily(writers: Writers, part: Later): WriteBytes {
  return (offset, bytes) => (writers.get(part) as WriteBytes)(offset, bytes);
}

const stepOf = ({ name, byteLength }: Pick<Weight | QuantizedTensor | ModelTensor, "name" | "byteLength">) => ({
  tensor: name,
  byteLength,
});

/** Lays out a model with external data if it had some, or if it would be too long without. */
function layOutFor(changes: OnnxChanges, location: string | undefined): OnnxLayout {
  const layout = layOut(changes, location ?? "", false);
  if (location === undefined || totalLength(layout.parts) <= MAX_MODEL_BYTES) return layout;
  return layOut(changes, location, true);
}

/** @param stepsOf returns the step that makes each part; the places of parts are known only when a step runs */
function outputOf(
  model: OnnxContents,
  layout: OnnxLayout,
  location: string | undefined,
  stepsOf: (writers: Writers) => ReadonlyMap<Later, OutputStep>,
): Output {
  const last = layout.external.at(-1);
  const length = totalLength(layout.parts);
  return {
    byteLength: length + (last ? last.offset + last.length : 0),
    metadata: {},
    work(sink, external) {
      checkFits(model, length, location);
      const writers = new Map<Later, WriteBytes>();
      const made = stepsOf(writers);
      // Steps follow the order of the files, since some sinks hold bytes in memory until those before them are written.
      const steps: OutputStep[] = [];
      const willMake = (later: Later, write: WriteBytes) => {
        writers.set(later, write);
        const step = made.get(later);
        if (step) steps.push(step); // scales and zero points have no step: they are made with their codes
      };
      const copied = (source: Pick<ByteSource, "read">, start: number, byteLength: number, write: WriteBytes) => {
        const read = (offset: number, count: number) => source.read(start + offset, count);
        steps.push({ tensor: `${model.name}, which is copied`, byteLength, copy: { byteLength, read }, write });
      };
      let at = 0;
      for (const part of layout.parts) {
        const write = writerAt(sink, at);
        if (part instanceof Uint8Array) copied(memory(part), 0, part.length, write);
        else if ("start" in part) copied(model.proto.reader.source, part.start, lengthOf(part), write);
        else willMake(part, write);
        at += lengthOf(part);
      }
      let end = 0;
      for (const { offset, length, content } of layout.external) {
        const beside = external as ByteSink;
        if (offset > end) copied(memory(new Uint8Array(offset - end)), 0, offset - end, writerAt(beside, end));
        const write = writerAt(beside, offset);
        if ("source" in content) copied(content.source, content.start, length, write);
        else willMake(content, write);
        end = offset + length;
      }
      return { begin: async () => {}, steps, end: async () => {} };
    },
  };
}

function checkFits(model: OnnxContents, length: number, location: string | undefined): void {
  const hasExternal = [...tensorsOf(model.proto)].some((tensor) => tensor.external !== undefined);
  if (hasExternal && location === undefined) {
    throw new TypeError("external is needed: the model has data in a file beside it, and so will the output");
  }
  if (length <= MAX_MODEL_BYTES) return;
  const advice =
    location === undefined ? "give external, a file beside it" : "give a model whose data are in such a file";
  throw new RangeError(`the model takes ${length} bytes, and a model file at most ${MAX_MODEL_BYTES}: ${advice}`);
}

/** Writes to a file from a place on. */
function writerAt(file: ByteSink, place: number): WriteBytes {
  return (offset, bytes) => file.write(place + offset, bytes);
}

function memory(bytes: Uint8Array): Pick<ByteSource, "read"> {
  return { read: async (offset, length) => bytes.slice(offset, offset + length) };
}
