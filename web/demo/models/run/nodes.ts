import { load } from "channelwise";
import { type ComparedNode, compareNodes, keepNodes, type Model, openModel, type RunModel } from "channelwise/models";
import type { Rules } from "../protocol.js";
import { rulesOf } from "../worker/library-rules.js";
import type { FoundNodes, ModelFiles } from "./protocol.js";

/** The nodes with quantized weights, and what each computes beside the float model. */
export async function nodesOf(
  float: ModelFiles,
  quantized: ModelFiles,
  run: RunModel,
): Promise<readonly ComparedNode[]> {
  return (await compareNodes(await opened(float), await opened(quantized), run)).nodes;
}

/** Nodes that stay float, so that every output has an SQNR of so many dB. */
export async function searchNodes(
  float: ModelFiles,
  { rules, minOutputSqnr }: { readonly rules: Rules; readonly minOutputSqnr: number },
  run: RunModel,
  tell: (done: number) => void,
): Promise<FoundNodes> {
  const given = rulesOf(rules, "onnx");
  const found = await keepNodes(await load(), await opened(float), { run, minOutputSqnr }, given, {
    onProgress: ({ done, total }) => tell(done / total),
  });
  const kept = [...(found.rules.tensors?.keys() ?? [])].filter(
    (place) => found.rules.tensors?.get(place)?.keep === true,
  );
  const least = (outputs: typeof found.before) => Math.min(...outputs.map(({ sqnr }) => sqnr));
  return {
    isMet: found.isMet,
    kept: kept.filter((place) => rules.own.get(place) !== "keep"),
    before: least(found.before),
    after: least(found.after),
  };
}

function opened({ model, external }: ModelFiles): Promise<Model> {
  const beside = external.map(({ path, data }) => new File([data], path));
  return openModel([new File([model], "model.onnx"), ...beside]);
}
