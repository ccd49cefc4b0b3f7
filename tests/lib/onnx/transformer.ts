import { uniform } from "../random.js";
import {
  dataType,
  float,
  integers,
  modelBytes,
  type NodeInit,
  node,
  scalar,
  type TensorInit,
  tensor,
} from "./models.js";

// A transformer block with embeddings, as exporters write encoders such as BERT.

export const vocabulary = 120;
const heads = 4;

/** The sizes of the block that transformers.js loads in the tests. */
const small = { hidden: 64, vocabulary };

/** The config.json by which transformers.js knows the model. */
export const config = {
  model_type: "bert",
  architectures: ["BertModel"],
  hidden_size: small.hidden,
  num_attention_heads: heads,
  num_hidden_layers: 1,
  intermediate_size: 4 * small.hidden,
  vocab_size: vocabulary,
};

/** A model from input_ids, attention_mask and token_type_ids to last_hidden_state. */
export function transformerBytes({ hidden, vocabulary } = small): Uint8Array<ArrayBuffer> {
  const inner = 4 * hidden;
  const nodes: NodeInit[] = [];
  const tensors: TensorInit[] = [];
  let seed = 0;
  const add = (operator: string, inputs: string[], output: string, attributes = {}) => {
    nodes.push(node(operator, inputs, [output], attributes));
    return output;
  };
  const weight = (name: string, shape: number[], most: number, centre = 0) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = uniform("float32", size, ++seed).map((value) => centre + most * value);
    tensors.push(tensor(name, shape, values as Float32Array));
    return name;
  };
  const number = (name: string, value: number) => {
    tensors.push(tensor(name, [], Float32Array.of(value)));
    return name;
  };
  const list = (name: string, values: number[]) => {
    tensors.push(integers(name, values));
    return name;
  };
  const linear = (x: string, name: string, rows: number, columns: number) => {
    const product = add("MatMul", [x, weight(`${name}.weight`, [rows, columns], (3 / rows) ** 0.5)], `${name}.product`);
    return add("Add", [product, weight(`${name}.bias`, [columns], 0.1)], name);
  };
  const norm = (x: string, name: string) =>
    add(
      "LayerNormalization",
      [x, weight(`${name}.weight`, [hidden], 0.2, 1), weight(`${name}.bias`, [hidden], 0.1)],
      name,
    );

  const words = add("Gather", [weight("words.weight", [vocabulary, hidden], 1), "input_ids"], "words");
  const types = add("Gather", [weight("types.weight", [2, hidden], 1), "token_type_ids"], "types");
  const embedded = norm(add("Add", [words, types], "sum"), "embedded");

  const mask = add("Cast", ["attention_mask"], "mask", { to: dataType.FLOAT });
  const hiddenMask = add("Mul", [add("Sub", [number("one", 1), mask], "without"), number("lowest", -10000)], "penalty");
  const penalty = add("Unsqueeze", [hiddenMask, list("mask_axes", [1, 2])], "penalties");
  const split = list("split", [0, 0, heads, hidden / heads]);
  const [query, key, value] = ["query", "key", "value"].map((name) => {
    const parts = add("Reshape", [linear(embedded, name, hidden, hidden), split], `${name}.heads`);
    return add("Transpose", [parts], `${name}.turned`, { perm: name === "key" ? [0, 2, 3, 1] : [0, 2, 1, 3] });
  });
  const scores = add(
    "Mul",
    [add("MatMul", [query, key], "products"), number("factor", (hidden / heads) ** -0.5)],
    "scores",
  );
  const attention = add("Softmax", [add("Add", [scores, penalty], "masked")], "attention", { axis: -1 });
  const turned = add("Transpose", [add("MatMul", [attention, value], "context")], "turned", { perm: [0, 2, 1, 3] });
  const context = add("Reshape", [turned, list("join", [0, 0, hidden])], "joined");
  const attended = norm(add("Add", [linear(context, "out", hidden, hidden), embedded], "residual"), "attended");

  const wide = linear(attended, "wide", hidden, inner);
  const erf = add("Erf", [add("Mul", [wide, number("root", Math.SQRT1_2)], "scaled")], "erf");
  const half = add("Mul", [wide, number("half", 0.5)], "halved");
  const gelu = add("Mul", [half, add("Add", [erf, "one"], "raised")], "gelu");
  norm(add("Add", [linear(gelu, "narrow", inner, hidden), attended], "last"), "last_hidden_state");

  const ids = (name: string) => {
    const { type } = scalar(name, dataType.INT64);
    const dim = ["batch", "length"].map((each) => ({ value: { case: "dimParam" as const, value: each } }));
    return { name, type: { value: { ...type?.value, value: { elemType: dataType.INT64, shape: { dim } } } } };
  };
  return modelBytes({
    ...{ opset: 17, irVersion: 8 },
    graph: {
      node: nodes,
      initializer: tensors,
      input: ["input_ids", "attention_mask", "token_type_ids"].map(ids) as never,
      output: [float("last_hidden_state", [undefined, undefined, hidden])],
    },
  });
}
