import type { NewNode, NewTensor } from "../file/encode.js";
import { dataType } from "../file/proto.js";
import type { WeightDtype } from "../weights.js";
import { floatTypes, type Names, type OnnxChoice, type Replacement } from "./form.js";

// Builds the chain of nodes that makes a weight of its codes.

/** A node that takes the output of the one before it, followed by other values. */
export interface Step {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly integers?: Readonly<Record<string, number>>;
}

export const castTo = (dtype: WeightDtype): Step => ({
  operator: "Cast",
  inputs: [],
  integers: { to: floatTypes[dtype] },
});

/** A list of integers, such as a shape. */
export function int64s(name: string, values: readonly number[]): NewTensor {
  const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return { name, type: dataType.int64, shape: [values.length], data };
}

/**
 * The nodes from the codes on, and the steps that are still needed for the weight's dimensions and type.
 *
 * @param tensors the codes and the other inputs of the steps
 * @param hasShape whether the steps give the weight's dimensions
 */
export function chain(
  { weight: { name, shape, dtype }, scheme: { scaleType } }: OnnxChoice,
  tensors: readonly [NewTensor, ...NewTensor[]],
  steps: readonly Step[],
  hasShape: boolean,
  { unused }: Names,
): Replacement {
  const ends: Step[] = [];
  const targets: NewTensor[] = [];
  if (!hasShape) {
    const target = int64s(unused(`${name}_shape`), shape);
    targets.push(target);
    ends.push({ operator: "Reshape", inputs: [target.name] });
  }
  if (scaleType !== dtype) ends.push(castTo(dtype));
  let input = tensors[0].name;
  const nodes = [...steps, ...ends].map(({ operator, inputs, ...integers }, i, { length }): NewNode => {
    const node = {
      name: unused(`${name}_${operator}`),
      operator,
      inputs: [input, ...inputs],
      outputs: [i === length - 1 ? name : unused(`${name}_${operator}_Output`)],
      ...integers,
    };
    input = node.outputs[0] as string;
    return node;
  });
  return { tensors: [...tensors, ...targets], nodes, edits: [] };
}
