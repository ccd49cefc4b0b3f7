import { load } from "channelwise";
import {
  type ByteSink,
  blockTypes,
  type FileTypeName,
  fileTypes,
  type MeasuredDecision,
  type Mixes,
  type Model,
  measureModel,
  mixesOf,
  outputBytes,
  type Plan,
  planModel,
  quantizeModel,
  type Rules,
  type RunOptions,
} from "channelwise/models";
import { product } from "../../matrix.js";
import type { GgufChoice, GgufEncoder, MeasuredTypes, ShownGgufMix, ShownType } from "../gguf/protocol.js";
import { withWorkers } from "./pool.js";
import { sampled } from "./sampled.js";

/** What a GGUF of floats, or an image model, can be written as. */
export interface GgufTypes {
  /** The types, the smallest file first. */
  readonly types: readonly ShownType[];
  measure(given: { encoder: GgufEncoder; all: boolean }, options: Required<RunOptions>): Promise<MeasuredTypes>;
  /** @param place a number, or undefined for the best mix that is no larger than Q4_K_M */
  mix(place: number | undefined): ShownGgufMix;
  nameOf(choice: GgufChoice): string;
  write(choice: GgufChoice, encoder: GgufEncoder, sink: ByteSink, options: Required<RunOptions>): Promise<number>;
}

/** The mixes are compared with this type, and what they do not decide follows it. */
const USUAL = "Q4_K_M" satisfies FileTypeName;

/** A larger model is measured by a sample at first. */
const MAX_WHOLE_WEIGHTS = 2 ** 24;

/** The weights of each tensor in a sample. */
const SAMPLED_WEIGHTS = 2 ** 15;

/** Types in which every tensor has fewer bits than in the file. */
const smaller = (Object.keys(fileTypes) as FileTypeName[]).filter((type) => !/^B?F/.test(type));

export function ggufTypesOf(model: Model, stem: string): GgufTypes {
  const plans = new Map(smaller.map((type) => [type, planModel(model, { type })]));
  const types = [...plans].map(([name, plan]) => ({ name, ...sizesOf(plan) }));
  types.sort((a, b) => a.byteLength - b.byteLength);
  const weights = model.tensors.reduce((sum, { shape }) => sum + product(shape), 0);
  /** The decisions of each type of blocks for all tensors, and their errors where they are measured. */
  const ways = blockTypes.map((blockType) => ({
    blockType,
    plan: planModel(model, { type: USUAL, blockType }),
    measured: [] as (MeasuredDecision | undefined)[],
  }));
  let mixes: Mixes | undefined;

  function rulesOf(choice: GgufChoice): Rules {
    if ("type" in choice) return { type: choice.type as FileTypeName };
    return (mixes as Mixes).at(choice.place).rules;
  }

  return {
    types,
    async measure({ encoder, all }, { signal, onProgress }) {
      const isSample = !all && weights > MAX_WHOLE_WEIGHTS;
      const some = isSample ? sampleOf(model) : model;
      const channelwise = await load();
      for (const [i, way] of ways.entries()) {
        const plan = planModel(some, { type: USUAL, blockType: way.blockType, encoder });
        const summaries = await measureModel(channelwise, plan, {
          signal,
          onProgress: ({ done, total, tensor }) =>
            onProgress({ done: (i + done / total) * model.byteLength, total: ways.length * model.byteLength, tensor }),
        });
        way.measured = summaries.map((summary, place) => {
          const decision = way.plan.decisions[place];
          if (!summary.quantize || !decision.quantize) return undefined;
          const { mse, maxError, sqnr } = summary;
          return { ...decision, mse, maxError, sqnr };
        });
      }
      mixes = mixesOf({
        model,
        rules: { type: USUAL },
        ways: ways.map(({ blockType }) => ({ blockType })),
        plans: ways.map(({ plan }) => plan),
        measured: ways.map(({ measured }) => measured),
      });
      const losses = [...plans].map(([type, plan]) => [type, lossOf(plan, ways)] as const);
      return { isSample, losses: new Map(losses) };
    },
    mix(place) {
      const all = mixes as Mixes;
      const usualBytes = outputBytes(plans.get(USUAL) as Plan);
      const found = place ?? lastWithin(all, usualBytes);
      const { byteLength, bitsPerWeight, sqnr, worst, rules } = all.at(found);
      const counts = new Map<string, number>();
      for (const { blockType } of rules.tensors?.values() ?? []) {
        if (blockType !== undefined) counts.set(blockType, (counts.get(blockType) ?? 0) + 1);
      }
      return { count: all.count, place: found, byteLength, bitsPerWeight, sqnr, worst, counts };
    },
    nameOf: (choice) => `${stem}-${"type" in choice ? choice.type : "mixed"}.gguf`,
    async write(choice, encoder, sink, options) {
      const plan = planModel(model, { ...rulesOf(choice), encoder });
      const { byteLength } = await withWorkers((channelwise) => quantizeModel(channelwise, plan, sink, options));
      return byteLength;
    },
  };
}

function sampleOf(model: Model): Model {
  const tensors = model.tensors.map((tensor) => {
    const elements = product(tensor.shape);
    return elements === 0 ? tensor : sampled(tensor, SAMPLED_WEIGHTS, tensor.byteLength / elements);
  });
  return { ...model, tensors };
}

function sizesOf(plan: Plan): Pick<ShownType, "byteLength" | "bitsPerWeight"> {
  const quantized = plan.decisions.flatMap((decision, place) => (decision.quantize ? [{ decision, place }] : []));
  const bytes = quantized.reduce((sum, { decision }) => sum + decision.bytesAfter, 0);
  const weights = quantized.reduce((sum, { place }) => sum + product(plan.model.tensors[place].shape), 0);
  return { byteLength: outputBytes(plan), bitsPerWeight: weights === 0 ? 0 : (8 * bytes) / weights };
}

type MeasuredWay = {
  readonly blockType: string;
  readonly measured: readonly (MeasuredDecision | undefined)[];
};

/** The loss of a file of a type: that of all tensors together, and of the worst one. */
function lossOf({ model, decisions }: Plan, ways: readonly MeasuredWay[]) {
  let [noise, energy] = [0, 0];
  let worst = { tensor: "", sqnr: Infinity };
  for (const [place, decision] of decisions.entries()) {
    if (!decision.quantize) continue;
    const measured = ways.find(({ blockType }) => blockType === decision.blockType)?.measured[place];
    // Halves lose next to nothing, and a tensor without errors has no known energy.
    if (measured === undefined || measured.sqnr === Infinity) continue;
    const squares = measured.mse * product(model.tensors[place].shape);
    noise += squares;
    energy += squares * 10 ** (measured.sqnr / 10);
    if (measured.sqnr < worst.sqnr) worst = { tensor: decision.tensor, sqnr: measured.sqnr };
  }
  return { sqnr: noise === 0 ? Infinity : 10 * Math.log10(energy / noise), worst };
}

/** The last place of no more bytes, or the first one. */
function lastWithin(mixes: Mixes, bytes: number): number {
  let [least, most] = [0, mixes.count];
  while (most - least > 1) {
    const middle = (least + most) >> 1;
    if (mixes.at(middle).byteLength <= bytes) least = middle;
    else most = middle;
  }
  return least;
}
