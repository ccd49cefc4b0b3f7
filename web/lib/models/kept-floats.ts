import type { Plan } from "../formats/format.js";
import { isFloatDtype } from "../tensor/dtypes.js";

/** The tensors of a model that stay floats. */
export interface KeptFloats {
  /** Their size in bytes. */
  readonly byteLength: number;
  /** Their share of the bytes of all tensors of the model, from 0 to 1. */
  readonly share: number;
  /** The reasons, with the largest size first. */
  readonly reasons: readonly {
    /** The reason why tensors are kept. */
    readonly reason: string;
    /** The number of tensors kept for this reason. */
    readonly tensors: number;
    /** The size of these tensors in bytes. */
    readonly byteLength: number;
  }[];
}

/** The share of the bytes of models that stays floats by their plans, and the reasons. */
export function keptFloats(plans: readonly Plan[]): KeptFloats {
  const reasons = new Map<string, { reason: string; tensors: number; byteLength: number }>();
  let [kept, all] = [0, 0];
  for (const { model, decisions } of plans) {
    for (const [i, { dtype, byteLength }] of model.tensors.entries()) {
      all += byteLength;
      const decision = decisions[i];
      if (decision.quantize || !isFloatDtype(dtype)) continue;
      kept += byteLength;
      const reason = kindOfReason(decision.reason);
      const alike = reasons.get(reason) ?? { reason, tensors: 0, byteLength: 0 };
      alike.tensors++;
      alike.byteLength += byteLength;
      reasons.set(reason, alike);
    }
  }
  const share = all === 0 ? 0 : kept / all;
  return { byteLength: kept, share, reasons: [...reasons.values()].sort((a, b) => b.byteLength - a.byteLength) };
}

/**
 * A reason without the part that holds for one tensor only: "small: 96 elements" and "small: 12 elements" are of one
 * kind.
 */
export function kindOfReason(reason: string): string {
  return reason
    .replace(/^it belongs to .*, which is/, "it belongs to codes, which are")
    .replace(/: .*$/s, "")
    .replace(/ "[^"]*"/g, "");
}
