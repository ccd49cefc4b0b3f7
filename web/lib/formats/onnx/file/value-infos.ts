import type { ValueInfo } from "./proto.js";
import { resolve, type Scope } from "./values.js";

/** Finds what a model says of a value by its name in a graph. */
export function infosOf(scopes: readonly Scope[]): (name: string, scope: Scope) => ValueInfo | undefined {
  const infos = new Map(
    scopes.map((scope) => {
      const { inputs, outputs, valueInfos } = scope.graph;
      return [scope, new Map([...inputs, ...outputs, ...valueInfos].map((info) => [info.name, info]))] as const;
    }),
  );
  return (name, scope) => {
    const around = resolve(name, scope)?.scope;
    return around && infos.get(around)?.get(name);
  };
}
