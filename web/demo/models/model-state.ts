import type { Description, Errors, Rules, Setting, ShownPlan } from "./protocol.js";
import type { Costs } from "./settings.js";

/** An open model: what is in it, what is chosen for it, what comes of that, and what was measured so far. */
export interface ModelState {
  readonly description: Description;
  readonly rules: Rules;
  readonly plan: ShownPlan;
  readonly costs: Costs;
}

/** The setting that a tensor is quantized with; undefined where it is kept. */
export function chosenSetting({ rules, plan }: ModelState, tensor: number): Setting | undefined {
  if (!plan.tensors[tensor].quantize) return undefined;
  const own = rules.own.get(tensor);
  return own === undefined || own === "keep" ? rules.all : own;
}

/** What the chosen setting costs a tensor; undefined where it is kept, or not measured yet. */
export function chosenErrors(state: ModelState, tensor: number): Errors | undefined {
  const setting = chosenSetting(state, tensor);
  const errors = setting && state.costs.get(tensor, setting);
  return errors === undefined || "reason" in errors ? undefined : errors;
}

/** The tensors that are to be quantized and cannot be. */
export function brokenTensors(state: ModelState): number[] {
  return [...state.description.tensors.keys()].filter((tensor) => obstacle(state, tensor) !== undefined);
}

/** Why a tensor cannot be quantized after all, such as a NaN in it; undefined where nothing is known against it. */
export function obstacle(state: ModelState, tensor: number): string | undefined {
  const setting = chosenSetting(state, tensor);
  const errors = setting && state.costs.get(tensor, setting);
  return errors !== undefined && "reason" in errors ? errors.reason : undefined;
}
