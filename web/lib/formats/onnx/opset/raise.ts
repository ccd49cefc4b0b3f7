import type { OnnxContents } from "../contents.js";
import { named } from "../file/named.js";
import { dataType, type Node } from "../file/proto.js";
import type { Edit } from "../file/splice.js";
import { tensorsOf } from "../file/tensors.js";
import { infosOf } from "../file/value-infos.js";
import { resolve, type Scope } from "../file/values.js";
import type { Names } from "../forms/form.js";
import { oldestOpset } from "../weights.js";
import { changes } from "./changes.js";
import { editsOf, type Rewrite } from "./rewrite.js";

// Raises a model to a higher opset.

/** What raising does. */
interface Raising {
  /** The nodes that are written in another way. */
  readonly rewrites: readonly { readonly node: Node; readonly scope: Scope; readonly rewrite: Rewrite }[];
  /** Sentences on the nodes that nothing means the same as. */
  readonly refused: string[];
}

type Model = Pick<OnnxContents, "proto" | "scopes" | "opset">;

/**
 * @param to the new opset, from the model's own to 25
 * @param float16 whether floats become float16 at the same time
 */
export function raising(model: Model, to: number, float16: boolean): Raising {
  const { scopes, opset } = model;
  const refusal = (reason: string): Raising => ({ rewrites: [], refused: [reason] });
  if (opset < oldestOpset) return refusal(`changes before opset ${oldestOpset} are not known here`);
  const known = infosOf(scopes);
  const isAllFloat32 = hasFloat32Alone(model);
  const rewrites: { node: Node; scope: Scope; rewrite: Rewrite }[] = [];
  const refused: string[] = [];
  for (const scope of scopes) {
    // A function has an operator set of its own, which is raised too.
    const from = scope.within ? (scope.within.opset ?? to) : opset;
    if (from < oldestOpset) {
      return refusal(
        `function "${scope.within?.name}" has opset ${from}, and changes before ${oldestOpset} are not known`,
      );
    }
    const rankOf = (name: string) => known(name, scope)?.shape?.length ?? resolve(name, scope)?.tensor?.shape.length;
    const isFloat32 = (name: string) => !float16 && (isAllFloat32 || known(name, scope)?.type === dataType.float);
    for (const node of scope.graph.nodes) {
      if (node.domain !== "" || !Object.hasOwn(changes, node.operator)) continue;
      let crossed = 0;
      const crosses = (version: number) => {
        const isCrossed = version > from && version <= to;
        if (isCrossed) crossed = version;
        return isCrossed;
      };
      const change = changes[node.operator]?.({ node, scope, crosses, rankOf, isFloat32 });
      if (crossed > 0 && [...node.attributes.values()].some(({ isGiven }) => isGiven)) {
        refused.push(
          `${named(node)} has attributes that calls of its function give, and changes with opset ${crossed}`,
        );
      } else if (typeof change === "number") refused.push(`${named(node)} changes with opset ${change}`);
      else if (float16 && change?.flattened !== undefined) refused.push(`${named(node)} changes, and so do its floats`);
      else if (change !== undefined) rewrites.push({ node, scope, rewrite: change });
    }
  }
  return { rewrites, refused };
}

/** The nodes of a model for which a higher opset has nothing that means the same. */
export function changesUpTo(model: Model, to: number): string[] {
  return raising(model, to, false).refused;
}

export function raisingEdits(model: Model, to: number, float16: boolean, names: Names): Edit[] {
  return raising(model, to, float16).rewrites.flatMap(({ node, scope, rewrite }) =>
    editsOf(node, rewrite, scope.graph, names),
  );
}

/** Whether nothing in the file says that there are floats of other types. */
function hasFloat32Alone({ proto, scopes }: Model): boolean {
  const others: readonly (number | undefined)[] = [dataType.float16, dataType.bfloat16, dataType.double];
  for (const { type } of tensorsOf(proto)) if (others.includes(type)) return false;
  return scopes.every(({ graph: { inputs, outputs, valueInfos, nodes } }) => {
    const typed = [...inputs, ...outputs, ...valueInfos];
    if (typed.some(({ type }) => others.includes(type))) return false;
    const types = nodes.map(({ attributes }) => attributes.get("to") ?? attributes.get("dtype"));
    return !types.some((type) => type?.isGiven || others.includes(type?.integer));
  });
}
