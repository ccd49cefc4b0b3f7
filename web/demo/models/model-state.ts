import type { Description, Errors, Form, Rules, Setting, ShownPlan } from "./protocol.js";
import { type Costs, isOnnxTarget } from "./settings.js";

/** An open model: its contents, the choices for it, their results, and the errors measured so far. */
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

/** The errors of a tensor with the chosen setting; undefined where it is kept, or not measured yet. */
export function chosenErrors(state: ModelState, tensor: number): Errors | undefined {
  const setting = chosenSetting(state, tensor);
  const errors = setting && state.costs.get(tensor, setting);
  return errors === undefined || "reason" in errors ? undefined : errors;
}

/** The tensors that should be quantized but cannot be. */
export function brokenTensors(state: ModelState): number[] {
  return [...state.description.tensors.keys()].filter((tensor) => obstacle(state, tensor) !== undefined);
}

/** The reason why a tensor cannot be quantized, such as a NaN in it; undefined where none is known. */
export function obstacle(state: ModelState, tensor: number): string | undefined {
  const setting = chosenSetting(state, tensor);
  const errors = setting && state.costs.get(tensor, setting);
  return errors !== undefined && "reason" in errors ? errors.reason : undefined;
}

/**
 * Whether a setting has the same errors in two forms. In ONNX they depend on the form that is written, and
 * compressed-tensors stores scales in the type of the weights, to which they are rounded.
 */
export function errorsAreAlike(a: Form, b: Form): boolean {
  const roundsScales = ({ target }: Form) => target === "compressed-tensors";
  if (isOnnxTarget(a.target) || roundsScales(a) || roundsScales(b)) return a.target === b.target && a.opset === b.opset;
  return true;
}
