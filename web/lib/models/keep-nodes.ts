import { checkNames, shown } from "../core/arguments.js";
import type { Decision, QuantizeDecision } from "../formats/decision.js";
import type { Model, Plan } from "../formats/format.js";
import { blobSink } from "../io/sinks.js";
import type { AnyChannelwise } from "../workers/runner-of.js";
import { activationsOf, type ComparedOutput, compareOutputs, type RunModel } from "./compare-nodes.js";
import { openModel } from "./open.js";
import { type Override, planModel, type Rules } from "./plan.js";
import { quantizeModel } from "./quantize.js";
import { checkRunOptions, type RunOptions } from "./run.js";

// Keeps the weights of single nodes float, so that the outputs of an .onnx model keep to a bound.

/** What the outputs have to keep, and how they are computed. */
export interface OutputBound {
  /** Runs a model, always with the same inputs, which should be like those that it is used with. */
  readonly run: RunModel;
  /** The least SQNR of each output, in dB, against the float model. */
  readonly minOutputSqnr: number;
}

/** A weight that stays float. */
export interface KeptNode {
  /** The name of the weight. */
  readonly tensor: string;
  /** The names of the nodes that use it. */
  readonly nodes: readonly string[];
  /** The bytes that it takes as floats. */
  readonly byteLength: number;
  /** The bytes that it would take quantized. */
  readonly quantizedBytes: number;
  /** The least SQNR of the outputs where this weight alone is quantized, in dB. */
  readonly sqnr: number;
}

/** The result of `keepNodes`. */
export interface KeptNodes {
  /** Whether every output reaches the bound while some weight is quantized. If not, this is the best that was reached. */
  readonly isMet: boolean;
  /** The weights that stay float, in the order in which they were chosen: those that gain most per byte first. */
  readonly kept: readonly KeptNode[];
  /** The outputs where all weights that the rules name are quantized. */
  readonly before: readonly ComparedOutput[];
  /** The outputs where those of `kept` stay float. */
  readonly after: readonly ComparedOutput[];
  /** The rules with which `planModel` plans it. */
  readonly rules: Rules;
  /** The plan of it, for `quantizeModel`. */
  readonly plan: Plan;
}

/** The reason of the decisions to keep these weights. */
const NEEDED = "kept float, since the outputs need it";

/**
 * Finds nodes whose weights stay float, so that every output of an .onnx model has at least some SQNR. It quantizes each
 * weight alone and runs the model, and then keeps those that cost the outputs most per byte that they save, as many as
 * the bound needs. The model is quantized in memory and run some n + 2 log2(n) times for n weights, or once
 * where the bound is met at once.
 *
 * @param channelwise the result of a `load`. That of "channelwise/parallel" uses all its workers.
 * @param rules as `planModel` takes them: how the weights are quantized, and which of them at most.
 * @param options whose progress counts the bytes of all models that are made, at most.
 * @throws {TypeError | RangeError} for wrong arguments, models of other formats, rules that quantize nothing, and models
 * of more than 2 GB.
 * @throws {NonFiniteError | FormatError | StoppedError} as `quantizeModel` does.
 */
export async function keepNodes(
  channelwise: AnyChannelwise,
  model: Model,
  bound: OutputBound,
  rules: Rules = {},
  options: RunOptions = {},
): Promise<KeptNodes> {
  checkRunOptions(options);
  checkBound(bound);
  const original = activationsOf(model);
  const plan = planModel(model, rules);
  const places = plan.decisions.flatMap(({ quantize }, place) => (quantize ? [place] : []));
  if (places.length === 0) throw new TypeError(`${model.name} has no weight that the rules quantize`);
  const steps = Math.ceil(Math.log2(places.length));
  const trials = trialsOf(channelwise, model, options, 1 + places.length + 2 * steps);
  const floats = planModel(model, keeping(rules, places)).decisions;
  const expected = await bound.run(await original.withOutputs([]));
  const outputsWith = async (isFloat: (place: number) => boolean) => {
    const decisions = plan.decisions.map((each, place) => (isFloat(place) ? floats[place] : each) as Decision);
    return compareOutputs(original.outputs, expected, await bound.run(await trials.make({ ...plan, decisions })));
  };
  const reaches = (outputs: readonly ComparedOutput[]) => leastOf(outputs) >= bound.minOutputSqnr;
  const before = await outputsWith(() => false);
  if (reaches(before)) return { isMet: true, kept: [], before, after: before, rules, plan };

  const costs: Cost[] = [];
  for (const place of places) {
    const outputs = await outputsWith((other) => other !== place);
    const sqnr = leastOf(outputs);
    const { tensor, bytesAfter: quantizedBytes } = plan.decisions[place] as QuantizeDecision;
    const { bytesAfter: byteLength } = floats[place] as Decision;
    const { nodes = [] } = model.tensors[place] ?? {};
    const kept: KeptNode = { tensor, nodes, byteLength, quantizedBytes, sqnr };
    costs.push({ place, kept, outputs, loss: lossOf(sqnr), saved: byteLength - quantizedBytes });
  }
  costs.sort((a, b) => perByte(b) - perByte(a));
  const outputsKeeping = (chosen: readonly Cost[]) =>
    outputsWith((other) => chosen.some(({ place }) => place === other));

  // The more weights are float, the closer the outputs are, but for a little. At the worst, the weight that costs least is quantized alone.
  const least = costs.reduce((a, b) => (b.loss < a.loss ? b : a));
  let [chosen, after] = [costs.filter((cost) => cost !== least), least.outputs];
  let [tooFew, enough] = [0, places.length];
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    const outputs = await outputsKeeping(costs.slice(0, middle));
    if (reaches(outputs)) [enough, chosen, after] = [middle, costs.slice(0, middle), outputs];
    else tooFew = middle;
  }
  // The last one may have brought more than the bound needs, so that large ones are not needed any more.
  let triesLeft = steps;
  for (const cost of [...chosen].sort((a, b) => b.saved - a.saved)) {
    if (triesLeft === 0 || lossOf(leastOf(after)) + cost.loss > lossOf(bound.minOutputSqnr)) continue;
    triesLeft--;
    const others = chosen.filter((each) => each !== cost);
    const outputs = await outputsKeeping(others);
    if (reaches(outputs)) [chosen, after] = [others, outputs];
  }
  const isChosen = (place: number) => chosen.some((each) => each.place === place);
  const keepingThem = keeping(rules, places.filter(isChosen));
  const planned = planModel(model, keepingThem);
  const decisions = planned.decisions.map((each, place) =>
    isChosen(place) && !each.quantize ? { ...each, reason: NEEDED } : each,
  );
  return {
    isMet: reaches(after),
    kept: chosen.map(({ kept }) => kept),
    ...{ before, after, rules: keepingThem, plan: { ...planned, decisions } },
  };
}

/** What a weight that is quantized costs the outputs, and the bytes that it saves. */
interface Cost {
  readonly place: number;
  readonly kept: KeptNode;
  /** The outputs where it alone is quantized. */
  readonly outputs: readonly ComparedOutput[];
  /** Squared errors of the outputs / squared outputs. The losses of several weights nearly add up. */
  readonly loss: number;
  readonly saved: number;
}

const lossOf = (sqnr: number) => 10 ** (-sqnr / 10);

/** What saves nothing comes first, unless it costs nothing. */
const perByte = ({ loss, saved }: Cost) => loss / Math.max(0, saved) || 0;

function checkBound(bound: OutputBound): void {
  checkNames("bound", bound, ["run", "minOutputSqnr"] satisfies (keyof OutputBound)[]);
  const { run, minOutputSqnr } = bound;
  if (typeof run !== "function") throw new TypeError(`bound.run must be a function, not ${shown(run)}`);
  if (typeof minOutputSqnr !== "number" || Number.isNaN(minOutputSqnr)) {
    throw new RangeError(`bound.minOutputSqnr is ${shown(minOutputSqnr)}; it must be a number of dB`);
  }
}

/** Rules that keep some tensors more. */
function keeping(rules: Rules, places: readonly number[]): Rules {
  const tensors = new Map<number, Override>(rules.tensors);
  for (const place of places) tensors.set(place, { keep: true });
  return { ...rules, tensors };
}

function leastOf(outputs: readonly ComparedOutput[]): number {
  return outputs.reduce((least, { sqnr }) => Math.min(least, sqnr), Infinity);
}

/** Makes the bytes of models by plans, and tells the progress over all of them. */
function trialsOf(channelwise: AnyChannelwise, model: Model, { signal, onProgress }: RunOptions, count: number) {
  let made = 0;
  return {
    async make(plan: Plan): Promise<Uint8Array<ArrayBuffer>> {
      const [main, beside] = [blobSink(), blobSink()];
      const before = made++ * model.byteLength;
      await quantizeModel(channelwise, plan, main, {
        external: { location: "data", sink: beside },
        ...(signal && { signal }),
        ...(onProgress && {
          onProgress: ({ tensor, done, total }) =>
            onProgress({
              ...{ tensor, total: count * model.byteLength },
              done: before + (done / total) * model.byteLength,
            }),
        }),
      });
      const [file, data] = [await main.blob(), await beside.blob()];
      if (data.size === 0) return new Uint8Array(await file.arrayBuffer());
      const quantized = await openModel([new File([file], "model.onnx"), new File([data], "data")]);
      return activationsOf(quantized).withOutputs([]);
    },
  };
}
