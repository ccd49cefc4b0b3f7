import type { Activations } from "../format.js";
import type { OnnxContents } from "./contents.js";
import { lengthOf, splice } from "./file/splice.js";
import { tensorsOf } from "./file/tensors.js";
import type { Scope } from "./file/values.js";
import { bytesField } from "./file/wire.js";

/** What nodes compute with weights, for those of the model's main graph. */
export function activationsOf({ name, proto, scopes, weights }: OnnxContents): Activations {
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
      const outside = [...tensorsOf(proto)].find(({ external }) => external !== undefined);
      if (outside) throw new TypeError(`${name} has data in files beside it; give a model that is one file`);
      const known = new Set(outputs.map((output) => output.name));
      // Runtimes find the types of outputs that have none.
      const added = names.filter((each) => !known.has(each)).flatMap((each) => bytesField(12, bytesField(1, each)));
      const end = { message, start: message.end, end: message.end, parts: [Uint8Array.from(added)] };
      const parts = splice(proto.message, added.length > 0 ? [end] : []);
      const bytes = new Uint8Array(parts.reduce((sum, part) => sum + lengthOf(part), 0));
      let at = 0;
      for (const part of parts) {
        if (part instanceof Uint8Array) bytes.set(part, at);
        else if ("start" in part) await copy(part.start, part.end, bytes.subarray(at));
        at += lengthOf(part);
      }
      return bytes;
    },
  };

  async function copy(start: number, end: number, into: Uint8Array): Promise<void> {
    for (let from = start; from < end; from += COPY_BYTES) {
      into.set(await proto.reader.source.read(from, Math.min(COPY_BYTES, end - from)), from - start);
    }
  }
}

const COPY_BYTES = 2 ** 24;
