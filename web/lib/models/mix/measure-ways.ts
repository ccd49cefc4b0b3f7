import { checkNames, shown } from "../../core/arguments.js";
import type { ScaleRule } from "../../core/scale-rules.js";
import type { TotalErrors } from "../../core/types.js";
import type { Decision, QuantizeDecision } from "../../formats/decision.js";
import type { Model, Plan, Target } from "../../formats/format.js";
import type { Settings } from "../../formats/settings.js";
import type { AnyChannelwise } from "../../workers/runner-of.js";
import { planModel, type Rules, settingNames } from "../plan.js";
import { measureModel } from "../quantize.js";
import { checkRunOptions, type RunOptions } from "../run.js";

/** What each of several ways makes of every tensor of a model: the input of `mixesOf`. */
export interface MeasuredWays {
  /** The model. */
  readonly model: Model;
  /** The rules that all ways follow. */
  readonly rules: Rules;
  /** The ways: settings that are tried for each tensor. */
  readonly ways: readonly Settings[];
  /** The plan of each way, with what a target joins. */
  readonly plans: readonly Plan[];
  /**
   * For each way and each tensor of the model, the decision with its errors. Undefined where the tensor is kept, and
   * where a way of more bits takes no more bytes.
   */
  readonly measured: readonly (readonly (MeasuredDecision | undefined)[])[];
}

/** A decision to quantize a tensor, and its errors. */
export type MeasuredDecision = QuantizeDecision & TotalErrors;

/** The bits that are tried by default: those between them gain little. */
const TRIED_BITS = [8, 6, 5, 4, 3, 2];

/**
 * Measures the errors and the bytes of every tensor of a model in several ways, of which `mixesOf` then makes the best
 * mixes. Each way reads the model once; nothing is written.
 *
 * @param channelwise the result of a `load`. That of "channelwise/parallel" uses all its workers.
 * @param ways settings that are tried for each tensor. By default these are 2, 3, 4, 5, 6 and 8 bits as far as the
 * target holds them, with a scale per channel (or to balance errors, in groups of 64) and in groups of 128 and 32, and scales by search where the target can
 * hold them, or in a GGUF all types of blocks; bits, granularity and scales that the rules give are not varied.
 * @param rules as `planModel` takes them. Settings of its overrides and single tensors are not varied.
 * @throws {TypeError | RangeError} for wrong arguments.
 * @throws {NonFiniteError | FormatError | StoppedError} as `measureModel` does.
 */
export async function measureWays(
  channelwise: AnyChannelwise,
  model: Model,
  ways?: readonly Settings[],
  rules: Rules = {},
  options: RunOptions = {},
): Promise<MeasuredWays> {
  checkRunOptions(options);
  // To balance errors, the ways have groups, which the rules need not give.
  const target = () => planModel(model, { ...rules, balance: undefined }).target;
  const tried = ways === undefined ? defaultWays(target(), rules) : checkWays(ways);
  const plans = tried.map((way) => planModel(model, { ...rules, ...way }));
  const joined = new Set(plans[0]?.target.joined?.().lists.flat());
  const measured: (MeasuredDecision | undefined)[][] = [];
  for (const [i, plan] of plans.entries()) {
    const isNew = (decision: Decision, place: number): decision is QuantizeDecision =>
      decision.quantize &&
      (joined.has(place) || !plans.slice(0, i).some(({ decisions }) => isNoLarger(decisions[place], decision)));
    const decisions = plan.decisions.map(
      (each, place): Decision => (isNew(each, place) ? each : { ...each, ...UNMEASURED }),
    );
    const summaries = await measureModel(channelwise, { ...plan, decisions }, shareOf(options, i, plans.length));
    measured.push(summaries.map((summary) => (summary.quantize ? summary : undefined)));
  }
  return { model, rules, ways: tried, plans, measured };
}

const UNMEASURED = { quantize: false, reason: "not measured" } as const;

/** Whether an earlier way is the same, or has more bits in no more bytes. */
function isNoLarger(earlier: Decision, decision: QuantizeDecision): boolean {
  if (!earlier.quantize || earlier.bytesAfter > decision.bytesAfter || earlier.scheme.bits < decision.scheme.bits) {
    return false;
  }
  const sharingOf = ({ scheme: { axis, granularity, rule } }: QuantizeDecision) =>
    JSON.stringify([axis, granularity, rule]);
  return sharingOf(earlier) === sharingOf(decision);
}

function defaultWays(target: Target, { bits, granularity, scales, balance }: Rules): Settings[] {
  if (target.blockTypes) return target.blockTypes.map((blockType) => ({ blockType }));
  const allBits = bits === undefined ? TRIED_BITS.filter((each) => target.bits.includes(each)) : [bits];
  // Errors are balanced in groups.
  const varied = [balance ? { group: 64 } : "channel", { group: 128 }, { group: 32 }] as const;
  const granularities = granularity === undefined ? varied : [granularity];
  const rule = scales ?? searchFor(target);
  return allBits.flatMap((bits) => granularities.map((granularity) => ({ bits, granularity, scales: rule })));
}

/** The search that a target can hold. */
function searchFor(target: Target): ScaleRule {
  const holds = (rule: ScaleRule) => {
    try {
      target.checkRule("scales", rule);
      return true;
    } catch {
      return false;
    }
  };
  return (["search", "positive-search"] as const).find(holds) ?? "max";
}

function checkWays(ways: readonly Settings[]): readonly Settings[] {
  if (!Array.isArray(ways) || ways.length === 0) {
    throw new TypeError(`ways must be an array of settings with at least one of them, not ${shown(ways)}`);
  }
  for (const [i, way] of ways.entries()) checkNames(`ways[${i}]`, way, settingNames);
  return ways;
}

/** The options of one of several runs, as parts of one. */
function shareOf({ signal, onProgress }: RunOptions, i: number, runs: number): RunOptions {
  return {
    ...(signal && { signal }),
    ...(onProgress && {
      onProgress: ({ tensor, done, total }) => onProgress({ tensor, done: i * total + done, total: runs * total }),
    }),
  };
}
