import type { Node } from "../file/proto.js";
import { infosOf } from "../file/value-infos.js";
import { resolve, type Scope, type Value } from "../file/values.js";

// The number of rows of values: the product of all dimensions but the last, where the file tells enough to know it.

/** Operators that give as many rows as their first input has. */
const keepRows = new Set([
  ...["BatchNormalization", "Cast", "Celu", "Clip", "Dropout", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish"],
  ...["Identity", "LayerNormalization", "LeakyRelu", "LogSoftmax", "Mish", "Neg", "Relu", "Selu", "Sigmoid", "Softmax"],
  ...["Softplus", "Softsign", "Sqrt", "Tanh", "ThresholdedRelu"],
]);

/** Operators that give as many rows as the input with the most of them has. */
const takeMost = new Set(["Add", "Div", "Max", "Min", "Mul", "PRelu", "Pow", "Sub", "Sum"]);

/** Finds the rows of a value by its name in a graph; undefined where the file leaves them open. */
export function rowsIn(scopes: readonly Scope[]): (name: string, scope: Scope) => number | undefined {
  const infos = infosOf(scopes);
  const found = new Map<Value, number | undefined>();
  const rowsOf = (name: string, scope: Scope): number | undefined => {
    const value = resolve(name, scope);
    if (value === undefined) return undefined;
    const shape = value.tensor?.shape ?? infos(name, scope)?.shape;
    return (shape && rowsOfShape(shape)) ?? found.get(value);
  };
  // The nodes of a graph come in the order in which they run.
  for (const scope of scopes) {
    for (const node of scope.graph.nodes) {
      const [output = ""] = node.outputs;
      const value = scope.values.get(output);
      if (value !== undefined) found.set(value, rowsOfNode(node, scope, rowsOf));
    }
  }
  return rowsOf;
}

function rowsOfShape(shape: readonly (number | undefined)[]): number | undefined {
  const rows = shape.slice(0, -1).reduce<number>((product, size = Number.NaN) => product * size, 1);
  return Number.isNaN(rows) ? undefined : rows;
}

function rowsOfNode(node: Node, scope: Scope, rowsOf: (name: string, scope: Scope) => number | undefined) {
  const { domain, operator, inputs, attributes } = node;
  if (domain !== "") return undefined;
  const [first = "", second = ""] = inputs;
  const isProduct =
    operator === "MatMul" ? isMatrix(second, scope) : operator === "Gemm" && !attributes.get("transA")?.integer;
  if (isProduct || keepRows.has(operator)) return rowsOf(first, scope);
  if (!takeMost.has(operator)) return undefined;
  return mostOf(inputs.map((input) => rowsOf(input, scope)));
}

/** The largest of some numbers, 0 of none; undefined where one of them is. */
export function mostOf(numbers: readonly (number | undefined)[]): number | undefined {
  const most = numbers.reduce<number>((largest, number = Number.NaN) => Math.max(largest, number), 0);
  return Number.isNaN(most) ? undefined : most;
}

/** Whether a value is a constant of two dimensions, perhaps transposed. */
function isMatrix(name: string, scope: Scope): boolean {
  const value = resolve(name, scope);
  const isTransposed = value?.node?.domain === "" && value.node.operator === "Transpose";
  const { tensor } = (isTransposed ? resolve(value.node.inputs[0] ?? "", value.scope) : value) ?? {};
  return tensor?.shape.length === 2;
}
