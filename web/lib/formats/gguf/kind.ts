import { namedTensors } from "../dialects/kind.js";
import type { Inspection, ModelKind } from "../format.js";
import type { GgufContents } from "./parts.js";
import { floatTensors } from "./tensors.js";

/** Models of a GGUF: those of elements are quantized as those of any other file are. */
export function ggufKind(contents: GgufContents): ModelKind {
  const ofBlocks = contents.tensors.filter(({ type }) => type.dtype === undefined);
  return {
    inspect: async (): Promise<Inspection> => ({
      dialect: undefined,
      quantized: [],
      kept: floatTensors(contents),
      unreadable: ofBlocks.map(({ name, byteLength, type }) => ({
        tensor: name,
        byteLength,
        reason: `blocks of ${type.name} are not read`,
      })),
    }),
    target(model, options) {
      const [first] = ofBlocks;
      if (first === undefined) return namedTensors.target(model, options);
      throw new TypeError(
        `${contents.name} is quantized already (tensor ${first.name} is ${first.type.name}): give the float model it was made from`,
      );
    },
    floats: namedTensors.floats,
  };
}
