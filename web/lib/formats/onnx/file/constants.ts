import type { Node } from "./proto.js";
import { resolve, type Scope } from "./values.js";

/** A short list of integers that the model holds: an initializer, or what a Constant node has as a tensor or list. */
export function integersOf(name: string | undefined, scope: Scope): readonly number[] | undefined {
  const value = resolve(name ?? "", scope);
  if (value?.tensor !== undefined) return value.tensor.integers;
  if (value?.node?.operator !== "Constant" || value.node.domain !== "") return undefined;
  const { attributes } = value.node;
  const single = attributes.get("value_int")?.integer;
  return single === undefined ? attributes.get("value_ints")?.integers : [single];
}

/** A list that is an attribute up to some opset, and an input from then on; undefined where it is not known. */
export function attributeOrInput(
  { attributes, inputs }: Node,
  name: string,
  input: number,
  scope: Scope,
): readonly number[] | undefined {
  return attributes.has(name) ? attributes.get(name)?.integers : integersOf(inputs[input], scope);
}
