import { shownName } from "../../core/printable.js";
import type { Output, OutputStep } from "../output.js";
import { type GgufKey, integerKey } from "./keys.js";
import { layOut, writeFrame } from "./layout.js";
import { type GgufContents, type GgufTensor, SPLIT_COUNT, SPLIT_NUMBER, SPLIT_TENSORS } from "./parts.js";

/** The parts into which llama.cpp's gguf-split cuts a model: in order, each with at most `mostBytes` of tensors. */
export function splitOutputs({ keys, tensors, alignment }: GgufContents, maxBytes: number): Output[] {
  const parts: GgufTensor[][] = [[]];
  let size = 0;
  for (const tensor of tensors) {
    const bytes = Math.ceil(tensor.byteLength / alignment) * alignment;
    if (bytes > maxBytes) {
      throw new RangeError(
        `maxBytes is ${maxBytes}, and tensor ${shownName(tensor.name)} takes ${bytes} bytes: a part has whole tensors`,
      );
    }
    size += bytes;
    if (size > maxBytes) {
      parts.push([]);
      size = bytes;
    }
    parts[parts.length - 1].push(tensor);
  }
  if (parts.length > MOST_PARTS) {
    throw new RangeError(
      `maxBytes is ${maxBytes}, which makes ${parts.length} parts; at most ${MOST_PARTS} are possible`,
    );
  }
  return parts.map((some, i) => {
    const own = [
      integerKey(SPLIT_NUMBER, "uint16", i),
      integerKey(SPLIT_TENSORS, "int32", tensors.length),
      integerKey(SPLIT_COUNT, "uint16", parts.length),
    ];
    return copied(i === 0 ? [...keys, ...own] : own, some, alignment);
  });
}

/** File names number parts with five digits. */
const MOST_PARTS = 65535;

/** The model as one file. */
export function joinedOutput({ keys, tensors, alignment }: GgufContents): Output {
  return copied(keys, tensors, alignment);
}

function copied(keys: readonly GgufKey[], tensors: readonly GgufTensor[], alignment: number): Output {
  const layout = layOut(keys, tensors, alignment);
  return {
    byteLength: layout.byteLength,
    metadata: {},
    work: (sink) => ({
      begin: () => writeFrame(sink, layout),
      steps: tensors.map(({ name, byteLength, data }, i): OutputStep => {
        const write = (offset: number, bytes: Uint8Array<ArrayBuffer>) => sink.write(layout.offsets[i] + offset, bytes);
        return { tensor: name, byteLength, copy: { byteLength, read: data.read }, write };
      }),
      end: async () => {},
    }),
  };
}
