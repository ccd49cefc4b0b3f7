import { load } from "channelwise";
import { NonFiniteError } from "channelwise/files";
import {
  type KeptTensor,
  measureOnnx,
  type OnnxPlan,
  type OnnxRules,
  onnxBytes,
  planOnnx,
  readOnnx,
  type Weight,
  writeOnnx,
} from "channelwise/onnx";
import { product } from "../../matrix.js";
import type { Form, Planned, Rules, Setting } from "../protocol.js";
import { allBits } from "../settings.js";
import { outputName, stemOf } from "./names.js";
import { notFinite } from "./not-finite.js";
import type { OpenedModel } from "./opened-model.js";
import { firstPart } from "./part.js";
import { withWorkers } from "./pool.js";

/** Opens an .onnx file, with the files beside it that hold its data. */
export async function openOnnxModel(files: readonly File[]): Promise<OpenedModel> {
  const model = await readOnnx(files);
  const { name, opset, weights, kept, unused } = model;
  const parts = files.filter((file) => !unused.includes(file.name));

  /** The plan for some weights of the model. */
  const planOf = (some: readonly Weight[], rules: OnnxRules): OnnxPlan => ({
    ...planOnnx({ ...model, weights: some, kept: [] }, rules),
    model,
  });
  const planFor = (rules: Rules, weight: Weight, place: number): OnnxPlan => {
    const setting = rules.own.get(place);
    if (setting === "keep") return planOf([weight], { ...opsetOf(rules), exclude: ["*"] });
    return planOf([weight], setting === undefined ? rulesOf(rules.all, rules) : asWanted(setting, rules));
  };
  const planAll = (rules: Rules): OnnxPlan => {
    const plans = weights.map((weight, i) => planFor(rules, weight, i));
    return {
      ...planOf([], opsetOf(rules)),
      choices: plans.flatMap(({ choices }) => choices),
      kept: [...kept, ...plans.flatMap((plan) => plan.kept)],
    };
  };
  const fileNames = ({ all }: Rules) => {
    const written = outputName(stemOf(name), "onnx", all.bits);
    return parts.length === 1 ? [written] : [written, `${written}.data`];
  };

  return {
    description: {
      format: "onnx",
      name,
      files: parts.length,
      unused,
      opset,
      tensors: [
        ...weights.map((weight) => ({ ...describe(weight), canQuantize: true, channelAxis: weight.axis })),
        ...kept.map((tensor) => ({ ...describe(tensor), canQuantize: false, channelAxis: 0 })),
      ],
      byteLength: parts.reduce((sum, { size }) => sum + size, 0),
      targets: ["onnx"],
    },
    plan(rules) {
      return {
        tensors: [
          ...weights.map((weight, i) => planned(planFor(rules, weight, i))),
          ...kept.map((tensor) => keptAs(tensor)),
        ],
        byteLength: onnxBytes(planAll(rules), fileNames(rules)[1]),
        fileNames: fileNames(rules),
        bits: allBits,
      };
    },
    alternative: (index, setting, form) => planned(planOf([weights[index]], asWanted(setting, form))),
    async measure(index, setting, form, { signal }) {
      try {
        const plan = planOf([weights[index]], asWanted(setting, form));
        const [{ mse, maxError, sqnr }] = await measureOnnx(await load(), plan, { signal });
        return { mse, maxError, sqnr };
      } catch (error) {
        if (error instanceof NonFiniteError) return { reason: notFinite(error, weights[index].shape) };
        throw error;
      }
    },
    async weights(index, most) {
      const weight = weights[index];
      const shape = firstPart(weight.shape, most);
      return { values: await weight.read(0, product(shape)), shape };
    },
    async write(rules, [sink, dataSink], course) {
      const plan = planAll(rules);
      const external = dataSink && { external: { location: fileNames(rules)[1], sink: dataSink } };
      await withWorkers((channelwise) => writeOnnx(channelwise, plan, sink, { ...course, ...external }));
      return { byteLength: onnxBytes(plan, fileNames(rules)[1]) };
    },
  };
}

function describe({ name, dtype, shape, byteLength }: Weight | KeptTensor) {
  return { name, dtype, shape, byteLength };
}

type Opset = Pick<Form, "opset">;

function opsetOf({ opset }: Opset): OnnxRules {
  return opset === undefined ? {} : { opset };
}

function rulesOf({ bits, granularity, axis }: Setting, opset: Opset): OnnxRules {
  return {
    ...opsetOf(opset),
    bits,
    granularity: typeof granularity === "number" ? { group: granularity } : granularity,
    ...(axis !== undefined && { axis }),
  };
}

/** However small the weight is. */
function asWanted(setting: Setting, opset: Opset): OnnxRules {
  return { ...rulesOf(setting, opset), include: ["*"] };
}

/** Of a plan for one weight. */
function planned({ choices: [choice], kept: [kept] }: OnnxPlan): Planned {
  if (choice === undefined) return keptAs(kept);
  const { bits, axis, granularity, notes, bytesAfter } = choice;
  return {
    quantize: true,
    bits,
    axis: granularity === "channel" ? axis : undefined,
    granularity,
    notes,
    bytesAfter,
  };
}

function keptAs({ reason, byteLength }: KeptTensor): Planned {
  return { quantize: false, reason, bytesAfter: byteLength };
}
