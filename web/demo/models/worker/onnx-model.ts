import { load } from "channelwise";
import { NonFiniteError } from "channelwise/files";
import {
  measureOnnx,
  type OnnxChoice,
  type OnnxPlan,
  type OnnxRules,
  onnxBytes,
  planOnnx,
  readOnnx,
  type Weight,
  writeOnnx,
} from "channelwise/onnx";
import { product } from "../../matrix.js";
import type { Planned, Rules, Setting } from "../protocol.js";
import { outputName, stemOf } from "./names.js";
import { notFinite } from "./not-finite.js";
import type { OpenedModel } from "./opened-model.js";
import { firstPart } from "./part.js";
import { withWorkers } from "./pool.js";

/** Opens an .onnx file, with the files beside it that hold its data. */
export async function openOnnxModel(files: readonly File[]): Promise<OpenedModel> {
  const model = await readOnnx(files);
  const { name, opset, weights, kept } = model;

  /** The plan for some weights of the model. */
  const planOf = (some: readonly Weight[], rules: OnnxRules): OnnxPlan => ({
    ...planOnnx({ ...model, weights: some, kept: [] }, rules),
    model,
  });
  const planFor = ({ all, own }: Rules, weight: Weight, place: number): OnnxPlan => {
    const setting = own.get(place);
    if (setting === "keep") return planOf([weight], { exclude: ["*"] });
    return setting === undefined ? planOf([weight], rulesOf(all)) : planOf([weight], asWanted(setting));
  };
  const planAll = (rules: Rules): OnnxPlan => {
    const plans = weights.map((weight, i) => planFor(rules, weight, i));
    return {
      ...planOf([], {}),
      choices: plans.flatMap(({ choices }) => choices),
      kept: [...kept, ...plans.flatMap((plan) => plan.kept)],
    };
  };
  const fileNames = ({ all }: Rules) => {
    const written = outputName(stemOf(name), "onnx", all.bits);
    return files.length === 1 ? [written] : [written, `${written}.data`];
  };

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
      byteLength: files.reduce((sum, { size }) => sum + size, 0),
      targets: ["onnx"],
    },
    plan(rules) {
      return {
        tensors: [
          ...weights.map((weight, i) => planned(planFor(rules, weight, i), weight.byteLength)),
          ...kept.map(({ reason, shape }) => ({ quantize: false, reason, bytesAfter: 4 * product(shape) }) as const),
        ],
        byteLength: onnxBytes(planAll(rules)),
        fileNames: fileNames(rules),
      };
    },
    alternative: (index, setting) => planned(planOf([weights[index]], asWanted(setting)), weights[index].byteLength),
    async measure(index, setting, { signal }) {
      try {
        const [{ mse, maxError, sqnr }] = await measureOnnx(await load(), planOf([weights[index]], asWanted(setting)), {
          signal,
        });
        return { mse, maxError, sqnr };
      } catch (error) {
        if (error instanceof NonFiniteError) return { reason: notFinite(error, weights[index].shape) };
        throw error;
      }
    },
    async weights(index, most) {
      const weight = weights[index];
      const shape = firstPart(weight.shape, most);
      return { values: await weight.read(0, product(shape)), shape, axis: weight.axis };
    },
    async write(rules, [sink, dataSink], course) {
      const plan = planAll(rules);
      const external = dataSink && { external: { location: fileNames(rules)[1], sink: dataSink } };
      await withWorkers((channelwise) => writeOnnx(channelwise, plan, sink, { ...course, ...external }));
      return { byteLength: onnxBytes(plan) };
    },
  };
}

function rulesOf({ bits, granularity }: Setting): OnnxRules {
  return { bits, granularity: typeof granularity === "number" ? { group: granularity } : granularity };
}

/** However small the weight is. */
function asWanted(setting: Setting): OnnxRules {
  return { ...rulesOf(setting), include: ["*"] };
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

function codeBytes({ shape, storedBits }: OnnxChoice): number {
  return Math.ceil((product(shape) * storedBits) / 8);
}

function scalesOf({ shape, axis, granularity }: OnnxChoice): number {
  if (granularity === "tensor") return 1;
  return granularity === "channel" ? shape[axis] : product(shape) / granularity.group;
}
