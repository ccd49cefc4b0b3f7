import { load } from "channelwise";
import { type ByteSink, type ByteSource, openModel, planModel, quantizeModel, type Rules } from "channelwise/models";

export const channelwise = await load();

/** All weights of any size, without operators of ONNX Runtime's own. */
export const everything: Rules = { include: ["*"], target: "portable" };

/** Bytes as a source that records its reads. */
export function source(
  bytes: Uint8Array,
  name = "model.onnx",
): ByteSource & { reads: [offset: number, length: number][] } {
  const reads: [number, number][] = [];
  return {
    name,
    size: bytes.length,
    reads,
    async read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > bytes.length) {
        throw new Error(`read(${offset}, ${length}) of ${bytes.length} bytes`);
      }
      reads.push([offset, length]);
      return Uint8Array.from(bytes.subarray(offset, offset + length));
    },
  };
}

/** A sink that holds written bytes, and throws where a place is written twice. */
export function sink() {
  const parts: { offset: number; bytes: Uint8Array }[] = [];
  const state = { parts, closed: false, aborted: undefined as unknown };
  const byteSink: ByteSink = {
    async write(offset, bytes) {
      if (state.closed || state.aborted !== undefined) throw new Error("written after the end");
      parts.push({ offset, bytes: bytes.slice() });
    },
    async close() {
      state.closed = true;
    },
    async abort(reason) {
      state.aborted = reason ?? "aborted";
    },
  };
  /** The file; bytes that were not written are 0xaa. */
  const bytes = (): Uint8Array<ArrayBuffer> => {
    const length = Math.max(0, ...parts.map((part) => part.offset + part.bytes.length));
    const written = new Uint8Array(length);
    const file = new Uint8Array(length).fill(0xaa);
    for (const part of parts) {
      const end = part.offset + part.bytes.length;
      if (written.subarray(part.offset, end).some((times) => times > 0))
        throw new Error(`${part.offset} is written twice`);
      written.fill(1, part.offset, end);
      file.set(part.bytes, part.offset);
    }
    return file;
  };
  return { sink: byteSink, state, bytes };
}

/** Reads, plans and writes a model in memory. */
export async function quantized(bytes: Uint8Array, rules: Rules = everything) {
  const model = await openModel(source(bytes));
  const plan = planModel(model, rules);
  const output = sink();
  const { tensors } = await quantizeModel(channelwise, plan, output.sink);
  const errors = tensors.flatMap((tensor) => (tensor.quantize ? [tensor] : []));
  return { model, plan, errors, bytes: output.bytes() };
}
