import { type NewNode, type NewTensor, node as newNode } from "../file/encode.js";
import { dataType } from "../file/proto.js";
import type { Edit } from "../file/splice.js";
import type { Use } from "../file/values.js";
import type { Message } from "../file/wire.js";
import { codeTypeOf, type Form, floatTypes, type Names, type OnnxChoice, since, symmetricZeros } from "./form.js";
import { storageNotes } from "./layouts.js";

/**
 * Gather takes rows of codes, and only these become floats. With one scale, DequantizeLinear follows, as
 * quantize_dynamic of ONNX Runtime's tools writes it (operators/gather.py). With a scale for each row, Cast follows,
 * Sub of the zero points of the same rows if there are any, and Mul with their scales.
 */
export const gathered: Form = {
  pattern: "Gather",
  wayOf(weight, wish) {
    const { bits, axis, granularity, weightType, opset } = wish;
    if (opset < since.integers) return `DequantizeLinear came with opset ${since.integers}, and this is ${opset}`;
    if (typeof granularity === "object") return "rows are gathered with whole scales";
    if (bits <= 4 && opset >= since.int4) return "Gather takes 8 bits, and opset 21 packs 4";
    const others = weight.place.consumers.find(({ use, via }) => via.length > 0 || !gathersRows(use));
    if (others !== undefined) return `${others.use.node.operator} gathers no rows`;
    if (granularity === "channel" && axis !== 0) return "rows are gathered with scales along axis 0";
    if (granularity === "tensor" && bits > 8 && opset < since.int4)
      return `DequantizeLinear takes 8 bits up to opset 20`;
    const storedBits = bits <= 8 ? 8 : 16;
    return {
      scheme: { bits, axis: granularity === "channel" ? 0 : undefined, granularity, scaleType: "float32" },
      quantizedShape: weight.shape,
      storedBits,
      notes: storageNotes(wish, storedBits),
      // The tools of ONNX Runtime write the zero points of tensors.
      ...(granularity === "tensor" && {
        zeroPointBytes: storedBits / 8,
        unsigned: weightType === "uint8" && storedBits === 8,
      }),
    };
  },
  replacementOf(choice, { codes, scales, zeroPoints }, names) {
    const { weight, scheme } = choice;
    const { name, shape, place } = weight;
    const type = codeTypeOf(choice);
    const perRow = scheme.granularity === "channel";
    const rows = [shape[0] as number, ...shape.slice(1).map(() => 1)];
    const tensors: NewTensor[] = [
      { name: names.unused(`${name}_quantized`), type, shape, data: codes },
      { name: names.unused(`${name}_scale`), type: dataType.float, shape: perRow ? rows : [], data: scales },
    ];
    if (scheme.zeroPoints || !perRow) {
      const data = scheme.zeroPoints ? zeroPoints : symmetricZeros(choice, zeroPoints.length);
      tensors.push({ name: names.unused(`${name}_zero_point`), type, shape: perRow ? rows : [], data });
    }
    const edits = place.consumers.map(({ use }): Edit => {
      const { message } = use.node;
      const stored = tensors.map((tensor) => tensor.name);
      const nodes = perRow ? withScalesOfRows(use, stored, choice, names) : withOneScale(use, stored, choice, names);
      return { message: message.parent as Message, start: message.at, end: message.end, parts: nodes.flatMap(newNode) };
    });
    return { tensors, nodes: [], edits };
  },
};

/** Whether a node takes rows of a weight. */
export function gathersRows({ node, input }: Use): boolean {
  return node.operator === "Gather" && input === 0 && (node.attributes.get("axis")?.integer ?? 0) === 0;
}

function withOneScale({ node }: Use, [codes, scale, zeroPoint]: string[], choice: OnnxChoice, names: Names): NewNode[] {
  const [output = ""] = node.outputs;
  const rows = names.unused(`${output}_quantized`);
  const gather = { name: node.name, operator: "Gather", inputs: [codes, node.inputs[1]], outputs: [rows] };
  const dequantize = { operator: "DequantizeLinear", inputs: [rows, scale, zeroPoint] };
  return [gather as NewNode, ...ending(dequantize as Unfinished, output, choice, names)];
}

function withScalesOfRows(
  { node }: Use,
  [codes = "", scale = "", zeroPoint]: string[],
  choice: OnnxChoice,
  names: Names,
): NewNode[] {
  const [output = ""] = node.outputs;
  /** Gathers rows of a tensor under a name. */
  const gather = (tensor: string, rows: string, name = names.unused(`${rows}_Gather`)): NewNode => {
    return { name, operator: "Gather", inputs: [tensor, node.inputs[1] as string], outputs: [names.unused(rows)] };
  };
  const cast = ({ outputs: [rows = ""] }: NewNode): NewNode => ({
    name: names.unused(`${rows}_cast`),
    operator: "Cast",
    inputs: [rows],
    outputs: [names.unused(`${rows}_cast_output`)],
    integers: { to: dataType.float },
  });
  const rows = gather(codes, `${output}_quantized`, node.name);
  const scales = gather(scale, `${output}_scale`);
  const floats = cast(rows);
  const nodes = [rows, scales, floats];
  if (zeroPoint !== undefined) {
    const zeroPoints = gather(zeroPoint, `${output}_zero_point`);
    const zeros = cast(zeroPoints);
    const inputs = [floats, zeros].map(({ outputs }) => outputs[0] as string);
    const name = names.unused(`${output}_Sub`);
    nodes.push(zeroPoints, zeros, { name, operator: "Sub", inputs, outputs: [names.unused(`${output}_Sub_Output`)] });
  }
  const inputs = [nodes.at(-1), scales].map((last) => last?.outputs[0] as string);
  return [...nodes, ...ending({ operator: "Mul", inputs }, output, choice, names)];
}

type Unfinished = Pick<NewNode, "operator" | "inputs">;

/** The node that gives floats, followed by a Cast for a model of another float type. */
function ending(
  { operator, inputs }: Unfinished,
  output: string,
  { weight: { dtype } }: OnnxChoice,
  { unused }: Names,
): NewNode[] {
  const name = unused(`${output}_${operator}`);
  if (dtype === "float32") return [{ name, operator, inputs, outputs: [output] }];
  const floats = unused(`${output}_${operator}_Output`);
  return [
    { name, operator, inputs, outputs: [floats] },
    {
      name: unused(`${output}_Cast`),
      operator: "Cast",
      inputs: [floats],
      outputs: [output],
      integers: { to: floatTypes[dtype] },
    },
  ];
}
