import { type ByteSource, NonFiniteError, openSource } from "channelwise/files";
import {
  type Choice,
  measureOnnx,
  type OnnxPlan,
  type OnnxPolicy,
  outputBytes,
  planOnnx,
  readOnnx,
  readWeight,
  type Weight,
  writeOnnx,
} from "channelwise/onnx";
import { product } from "../../matrix.js";
import type { Planned, Rules, Setting } from "../protocol.js";
import { outputName, stemOf } from "./names.js";
import { notFinite } from "./not-finite.js";
import type { OpenedModel } from "./opened-model.js";
import { firstPart } from "./part.js";

/** Opens an .onnx file, with the files beside it that hold its data. */
export async function openOnnxModel(files: readonly File[]): Promise<OpenedModel> {
  const sources = await Promise.all(files.map((file) => openSource(file)));
  const source = sources.find(({ name }) => /\.onnx$/i.test(name)) ?? sources[0];
  const beside = new Set<ByteSource>();
  const external = (location: string) => {
    const found = sources.find(({ name }) => name === location.split("/").at(-1));
    if (found === undefined) throw new Error("open it together with the model");
    beside.add(found);
    return found;
  };
  const model = await readOnnx(source, { external });
  const { name, opset, weights, kept } = model;

  /** The plan for some weights of the model. */
  const planOf = (some: readonly Weight[], policy: OnnxPolicy): OnnxPlan => ({
    ...planOnnx({ ...model, weights: some, kept: [] }, policy),
    model,
  });
  const planFor = ({ all, own }: Rules, weight: Weight, place: number): OnnxPlan => {
    const setting = own.get(place);
    if (setting === "keep") return planOf([weight], { skip: ["*"] });
    return setting === undefined ? planOf([weight], policyOf(all)) : planOf([weight], asWanted(setting));
  };
  const planAll = (rules: Rules): OnnxPlan => {
    const plans = weights.map((weight, i) => planFor(rules, weight, i));
    return {
      model,
      choices: plans.flatMap(({ choices }) => choices),
      kept: [...kept, ...plans.flatMap((plan) => plan.kept)],
    };
  };
  const fileNames = ({ all }: Rules) => {
    const written = outputName(stemOf(name), "onnx", all.bits);
    return beside.size === 0 ? [written] : [written, `${written}.data`];
  };
  const bytesOf = (plan: OnnxPlan, [, location]: readonly string[]) => outputBytes(plan, location);

  return {
    description: {
      format: "onnx",
      name,
      details: `opset ${opset}`,
      tensors: [
        ...weights.map((tensor) => [tensor, true] as const),
        ...kept.map((tensor) => [tensor, false] as const),
      ].map(([{ name, shape }, canQuantize]) => ({
        name,
        dtype: "float32",
        shape,
        byteLength: 4 * product(shape),
        canQuantize,
      })),
      byteLength: [source, ...beside].reduce((sum, { size }) => sum + size, 0),
      targets: ["onnx"],
    },
    plan(rules) {
      const names = fileNames(rules);
      return {
        tensors: [
          ...weights.map((weight, i) => planned(planFor(rules, weight, i), weight.byteLength)),
          ...kept.map(({ reason, shape }) => ({ quantize: false, reason, bytesAfter: 4 * product(shape) }) as const),
        ],
        byteLength: bytesOf(planAll(rules), names),
        fileNames: names,
      };
    },
    alternative: (index, setting) => planned(planOf([weights[index]], asWanted(setting)), weights[index].byteLength),
    async measure(index, setting, { signal }) {
      try {
        const [{ mse, maxError, sqnr }] = await measureOnnx(planOf([weights[index]], asWanted(setting)), { signal });
        return { mse, maxError, sqnr };
      } catch (error) {
        if (error instanceof NonFiniteError) return { reason: notFinite(error, weights[index].shape) };
        throw error;
      }
    },
    async weights(index, most) {
      const weight = weights[index];
      const shape = firstPart(weight.shape, most);
      return { values: await readWeight(weight, 0, product(shape)), shape, axis: weight.axis };
    },
    async write(rules, [sink, dataSink], { signal, onProgress }) {
      const names = fileNames(rules);
      const plan = planAll(rules);
      await writeOnnx(plan, sink, {
        signal,
        onProgress: (done, total) => onProgress({ tensor: "", done: 4 * done, total: 4 * total }),
        ...(dataSink && { external: { location: names[1], sink: dataSink } }),
      });
      return { byteLength: bytesOf(plan, names) };
    },
  };
}

function policyOf({ bits, granularity }: Setting): OnnxPolicy {
  return { bits, granularity: typeof granularity === "number" ? { group: granularity } : granularity };
}

/** However small the weight is. */
function asWanted(setting: Setting): OnnxPolicy {
  return { ...policyOf(setting), minimumSize: 0 };
}

/** Of a plan for one weight. */
function planned({ choices: [choice], kept: [keptTensor] }: OnnxPlan, byteLength: number): Planned {
  if (choice === undefined) return { quantize: false, reason: keptTensor.reason, bytesAfter: byteLength };
  const { bits, axis, granularity, notes } = choice;
  return {
    quantize: true,
    bits,
    axis: granularity === "channel" ? axis : undefined,
    granularity,
    notes,
    bytesAfter: codeBytes(choice) + 4 * scalesOf(choice),
  };
}

function codeBytes({ shape, storedBits }: Choice): number {
  return Math.ceil((product(shape) * storedBits) / 8);
}

function scalesOf({ shape, axis, granularity }: Choice): number {
  if (granularity === "tensor") return 1;
  return granularity === "channel" ? shape[axis] : product(shape) / granularity.group;
}
