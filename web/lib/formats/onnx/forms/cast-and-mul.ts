import type { NewNode, NewTensor } from "../file/encode.js";
import { castTo, chain, int64s, type Step } from "./chain.js";
import { codeTypes, type Form, floatTypes, type Names, type OnnxChoice, since } from "./form.js";
import { layoutOf, storageNotes, storedBitsOf } from "./layouts.js";

/**
 * Cast of codes and Mul with scales give the weight, with Sub of zero points between them. Every opset has these, and
 * runtimes compute them once, on loading.
 */
export const castAndMul: Form = {
  pattern: "Cast, Mul",
  wayOf(weight, wish) {
    const { granularity, quantizedShape, storedShape, notes } = layoutOf(weight, wish);
    const storedBits = storedBitsOf(wish);
    return {
      // The output of Mul is not yet rounded to float16.
      scheme: {
        bits: wish.bits,
        axis: granularity === "channel" ? wish.axis : undefined,
        granularity,
        scaleType: "float32",
      },
      quantizedShape,
      storedShape,
      storedBits,
      notes: [...notes, ...storageNotes(wish, storedBits)],
    };
  },
  replacementOf(choice, { codes, scales, zeroPoints }, names) {
    const { weight, scheme, storedBits } = choice;
    const { scaleType } = scheme;
    const [codeShape, scaleShape] = spread(choice);
    const type = codeTypes[storedBits];
    const stored: NewTensor = { name: names.unused(`${weight.name}_quantized`), type, shape: codeShape, data: codes };
    const factors = { name: names.unused(`${weight.name}_scale`), type: floatTypes[scaleType], shape: scaleShape };
    const tensors: [NewTensor, ...NewTensor[]] = [stored, { ...factors, data: scales }];
    const before: NewNode[] = [];
    const repeat = choice.storedShape ? repeating(choice, names) : undefined;
    for (const tensor of repeat?.tensors ?? []) tensors.push(tensor);
    /** The value that is repeated for each weight, if Mul and Sub do not do that. */
    const repeated = (name: string) => {
      const nodes = repeat?.nodesOf(name) ?? [];
      for (const each of nodes) before.push(each);
      return nodes.at(-1)?.outputs[0] ?? name;
    };
    const steps: Step[] = [castTo(scaleType)];
    if (scheme.zeroPoints) {
      const name = names.unused(`${weight.name}_zero_point`);
      tensors.push({ name, type, shape: scaleShape, data: zeroPoints });
      const output = names.unused(`${name}_Cast_Output`);
      before.push({ name: names.unused(`${name}_Cast`), outputs: [output], ...castTo(scaleType), inputs: [name] });
      steps.push({ operator: "Sub", inputs: [repeated(output)] });
    }
    steps.push({ operator: "Mul", inputs: [repeated(factors.name)] });
    const hasShape = typeof scheme.granularity !== "object" || (repeat && codeShape.length === weight.shape.length);
    const { nodes, ...rest } = chain(choice, tensors, steps, hasShape ?? false, names);
    return { ...rest, nodes: [...before, ...nodes] };
  },
};

/** Repeats scales [.., groups, 1, ..] for every weight of a group, and the last of a row for as many as are left. */
function repeating(choice: OnnxChoice, { unused }: Names) {
  const { weight, quantizedShape, storedShape = quantizedShape, scheme, opset } = choice;
  const { group, along } = scheme.granularity as { group: number; along: number };
  const list = (suffix: string, values: readonly number[]) => int64s(unused(`${weight.name}_${suffix}`), values);
  const repeats = list(
    "repeats",
    quantizedShape.flatMap((_, i) => (i === along ? [1, group] : [1])),
  );
  const joined = list("rows", quantizedShape);
  const [starts, ends, axes] = [[0], [storedShape[along] as number], [along]];
  const byInputs = opset >= since.slice;
  const slices = byInputs ? [list("row_starts", starts), list("row_ends", ends), list("row_axes", axes)] : [];
  return {
    tensors: [repeats, joined, ...slices],
    nodesOf(name: string): NewNode[] {
      let last = name;
      const node = (operator: string, inputs: readonly NewTensor[]): NewNode => {
        const all = [last, ...inputs.map((tensor) => tensor.name)];
        last = unused(`${name}_${operator}_Output`);
        return { name: unused(`${name}_${operator}`), operator, inputs: all, outputs: [last] };
      };
      const slice = () => ({ ...node("Slice", slices), ...(!byInputs && { lists: { starts, ends, axes } }) });
      return [node("Tile", [repeats]), node("Reshape", [joined]), slice()];
    },
  };
}

/**
 * The dimensions of codes and scales with which Mul repeats each scale over what shares it. Groups get a dimension of
 * their own, in the codes only if all are whole.
 */
function spread({
  quantizedShape: shape,
  storedShape,
  scheme: { axis, granularity },
}: OnnxChoice): [codes: readonly number[], scales: readonly number[]] {
  if (granularity === "tensor") return [shape, []];
  if (granularity === "channel") return [shape, shape.map((dimension, i) => (i === axis ? dimension : 1))];
  const { group, along } = granularity;
  const [before, after] = [shape.slice(0, along), shape.slice(along + 1)];
  const groups = (shape[along] as number) / group;
  return [storedShape ?? [...before, groups, group, ...after], [...before, groups, 1, ...after]];
}
