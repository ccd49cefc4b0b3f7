import type { ByteSource } from "../../io/bytes.js";
import type { Activations } from "../format.js";
import type { OnnxContents } from "./contents.js";
import { type Edit, type Later, lengthOf, splice, totalLength } from "./file/splice.js";
import { type ExternalBytes, externalBytes, tensorsOf } from "./file/tensors.js";
import type { Scope } from "./file/values.js";
import { bytesField, bytesHead, varintField } from "./file/wire.js";
import { MAX_MODEL_BYTES } from "./output.js";

/** What nodes compute with weights, for those of the model's main graph. */
export function activationsOf(contents: OnnxContents): Activations {
  const { name, proto, scopes, weights } = contents;
  const scope = scopes[0] as Scope;
  const { message, outputs } = scope.graph;
  return {
    nodes: weights.flatMap(({ name: tensor, place: { consumers } }) =>
      consumers.flatMap(({ use: { node, scope: around } }) => {
        const [output = ""] = node.outputs;
        if (around !== scope || output === "") return [];
        return [{ node: node.name || output, operator: node.operator, tensor, output }];
      }),
    ),
    outputs: outputs.map((output) => output.name),
    has: (value) => scope.values.get(value)?.node !== undefined,
    async withOutputs(names) {
      const known = new Set(outputs.map((output) => output.name));
      // Runtimes find the types of outputs that have none.
      const added = names.filter((each) => !known.has(each)).flatMap((each) => bytesField(12, bytesField(1, each)));
      const end = { message, start: message.end, end: message.end, parts: [Uint8Array.from(added)] };
      const inside = dataInside(contents);
      const parts = splice(proto.message, added.length > 0 ? [...inside.edits, end] : inside.edits);
      const length = totalLength(parts);
      if (length > MAX_MODEL_BYTES) {
        const limit = `more than the ${MAX_MODEL_BYTES} of a model that runs from memory`;
        throw new RangeError(`${name} takes ${length} bytes with its data, ${limit}: take a smaller model of its kind`);
      }
      const bytes = new Uint8Array(length);
      let at = 0;
      for (const part of parts) {
        const into = bytes.subarray(at);
        if (part instanceof Uint8Array) bytes.set(part, at);
        else if ("start" in part) await copy(proto.reader.source, part.start, part.end, into);
        else await copyExternal(inside.places.get(part) as ExternalBytes, into);
        at += lengthOf(part);
      }
      return bytes;
    },
  };
}

/** The edits that put the data of files beside a model into the model, and the places of those data. */
function dataInside({ proto, files }: OnnxContents) {
  const edits: Edit[] = [];
  const places = new Map<Later, ExternalBytes>();
  for (const tensor of tensorsOf(proto)) {
    const place = externalBytes(tensor, proto.reader, files);
    if (place === undefined) continue;
    const { message, external } = tensor;
    const data: Later = { length: place.length };
    places.set(data, place);
    for (const { field } of external?.entries ?? [])
      edits.push({ message, start: field.at, end: field.end, parts: [] });
    // Of a field that is there twice, readers take the last one: the data now lie in the model.
    const head = Uint8Array.from([...varintField(14, 0), ...bytesHead(9, place.length)]);
    edits.push({ message, start: message.end, end: message.end, parts: [head, data] });
  }
  return { edits, places };
}

function copyExternal({ source, start, length }: ExternalBytes, into: Uint8Array): Promise<void> {
  return copy(source, start, start + length, into);
}

async function copy(source: Pick<ByteSource, "read">, start: number, end: number, into: Uint8Array): Promise<void> {
  for (let from = start; from < end; from += COPY_BYTES) {
    into.set(await source.read(from, Math.min(COPY_BYTES, end - from)), from - start);
  }
}

const COPY_BYTES = 2 ** 24;
