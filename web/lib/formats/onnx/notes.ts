import type { ModelTensor } from "../../tensor/tensor.js";
import type { QuantizeDecision } from "../decision.js";
import type { Plan } from "../format.js";
import type { Settings } from "../settings.js";
import type { OnnxContents } from "./contents.js";
import { type Pattern, since } from "./forms/form.js";
import { changesUpTo } from "./opset/raise.js";
import { newestOpset, runUpTo21 } from "./opset/versions.js";
import { preferenceFor } from "./targets.js";
import { type Runtime, wayOf } from "./way.js";
import type { Weight } from "./weights.js";

// Notes on a plan as a whole.

/** What a plan was made for. */
interface Written extends Runtime {
  readonly model: OnnxContents;
  /** The weight as nodes see it. */
  readonly asUsed: (tensor: ModelTensor) => Weight;
}

/** A weight with the decision to quantize it. */
interface Quantized {
  readonly weight: Weight;
  readonly decision: QuantizeDecision;
}

export function notesOf({ model, decisions }: Pick<Plan, "model" | "decisions">, written: Written): string[] {
  const quantized = decisions.flatMap((decision, place): Quantized[] =>
    decision.quantize ? [{ weight: written.asUsed(model.tensors[place] as ModelTensor), decision }] : [],
  );
  return [...formNotes(quantized, written), ...sizeNotes(quantized, written), ...opsetNotes(written)];
}

/** Notes on whether runtimes know the operators of the opset. */
function opsetNotes({ model, opset }: Written): string[] {
  if (opset > newestOpset) {
    return [
      `the model has opset ${opset}, and operators after opset ${newestOpset} are not known here: try what is written`,
    ];
  }
  if (opset < 22 || opset === model.opset) return [];
  const nodes = model.scopes.flatMap(({ graph }) => graph.nodes);
  const refused = nodes.filter(({ domain, operator }) => domain === "" && runUpTo21.has(operator));
  if (refused.length === 0) return [];
  const operators = [...new Set(refused.map(({ operator }) => operator))].join(", ");
  return [
    `ONNX Runtime runs ${operators} up to opset 21 alone, and refuses a model raised to opset ${opset}: raise it to at most 21`,
  ];
}

/** A note for each form that was chosen: which operators get it, and why. */
function formNotes(quantized: readonly Quantized[], { target }: Written): string[] {
  const operatorsOf = new Map<string, Set<string>>();
  for (const { weight, decision } of quantized) {
    const pattern = decision.pattern as Pattern;
    const operators = operatorsOf.get(pattern) ?? new Set();
    for (const operator of weight.operators) operators.add(operator);
    operatorsOf.set(pattern, operators);
  }
  return [...operatorsOf].map(([pattern, operators]) => {
    const { why } = preferenceFor(target, pattern);
    return `${[...operators].join(", ")} as ${pattern} for ${target}: ${why}`;
  });
}

/** A note where codes of few bits take more bytes than codes of 8, and what helps. */
function sizeNotes(quantized: readonly Quantized[], written: Written): string[] {
  const { model, opset } = written;
  const few = quantized.filter(({ decision: { scheme } }) => scheme.bits <= 4);
  const sum = (bytesOf: (each: Quantized) => number) => few.reduce((total, each) => total + bytesOf(each), 0);
  const bytesWith = ({ weight }: Quantized, settings: Settings, runtime: Runtime) =>
    wayOf(weight, settings, runtime).bytesAfter;
  const now = sum(({ decision }) => decision.bytesAfter);
  const wide = sum((each) => bytesWith(each, { bits: 8 }, written));
  if (now <= wide) return [];
  const sizes = `codes of 4 bits and less take ${megabytes(now)}, and codes of 8 bits per channel ${megabytes(wide)}`;
  if (opset >= since.int4) return [`${sizes}: longer groups have fewer scales`];
  const [prevents] = changesUpTo(model, since.int4);
  if (prevents !== undefined) return [`${sizes}: opset ${since.int4} would pack them, and ${prevents}`];
  const raised = sum((each) => {
    const { bits, granularity, zeroPoints = false } = each.decision.scheme;
    const settings = {
      bits,
      granularity: typeof granularity === "object" ? { group: granularity.group } : granularity,
    };
    return bytesWith(each, { ...settings, zeroPoints }, { ...written, opset: since.int4 });
  });
  return [`${sizes}: opset ${opset} packs no codes. Raised to opset ${since.int4}, they take ${megabytes(raised)}`];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toPrecision(3)} MB`;
}
