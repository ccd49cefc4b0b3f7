import type { Plan } from "../formats/format.js";
import { isFloatDtype } from "../tensor/dtypes.js";

/** The floats of a model that stay floats. */
export interface KeptFloats {
  /** Bytes of the floats that stay floats. */
  readonly byteLength: number;
  /** Their share of the bytes of all tensors of the model, from 0 to 1. */
  readonly share: number;
  /** Why, the largest first. */
  readonly reasons: readonly {
    /** Why tensors are kept. */
    readonly reason: string;
    /** How many tensors are kept for it. */
    readonly tensors: number;
    /** Bytes of these tensors together. */
    readonly byteLength: number;
  }[];
}

/** Which share of the bytes of models stays floats by their plans, and why. */
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

/** The reason for which a tensor is kept, without the part that holds for that tensor alone: "small: 96 elements" and "small: 12 elements" are of one kind. */
export function kindOfReason(reason: string): string {
  return reason
    .replace(/^it belongs to .*, which is/, "it belongs to codes, which are")
    .replace(/: .*$/s, "")
    .replace(/ "[^"]*"/g, "");
}
