import { type Dtype, isFloatDtype } from "../tensor/dtypes.js";

/** The floats of a model that stay floats. */
export interface KeptFloats {
  readonly byteLength: number;
  /** Of the bytes of all tensors of the model, from 0 to 1. */
  readonly share: number;
  /** Why, the largest first. */
  readonly reasons: readonly { readonly reason: string; readonly tensors: number; readonly byteLength: number }[];
}

/**
 * Which share of a model's bytes stays floats, and why.
 *
 * @param tensors of the model
 * @param decisions one for each of them, such as `chooseTensors` and `quantizeModel` give.
 */
export function keptFloats(
  tensors: readonly { readonly dtype: string; readonly byteLength: number }[],
  decisions: readonly ({ readonly quantize: true } | { readonly quantize: false; readonly reason: string })[],
): KeptFloats {
  const reasons = new Map<string, { reason: string; tensors: number; byteLength: number }>();
  let [kept, all] = [0, 0];
  for (const [i, { dtype, byteLength }] of tensors.entries()) {
    all += byteLength;
    const decision = decisions[i];
    if (decision.quantize || !isFloatDtype(dtype as Dtype)) continue;
    kept += byteLength;
    const reason = kindOfReason(decision.reason);
    const alike = reasons.get(reason) ?? { reason, tensors: 0, byteLength: 0 };
    alike.tensors++;
    alike.byteLength += byteLength;
    reasons.set(reason, alike);
  }
  const share = all === 0 ? 0 : kept / all;
  return { byteLength: kept, share, reasons: [...reasons.values()].sort((a, b) => b.byteLength - a.byteLength) };
}

/** A reason for which a tensor is kept, without what is of that tensor alone: "small: 96 elements" and "small: 12 elements" are of one kind. */
export function kindOfReason(reason: string): string {
  return reason
    .replace(/^it belongs to .*, which is/, "it belongs to codes, which are")
    .replace(/: .*$/s, "")
    .replace(/ "[^"]*"/g, "");
}
