import { readOnnx } from "channelwise/onnx";
import type { Outcome } from "./context.js";
import { bytes, counted, shapeText } from "./format.js";
import { type Column, tableLines } from "./table.js";
import { type Stream, styled, widthOf } from "./terminal.js";

const columns: readonly Column[] = [
  { title: "weight", shorten: "middle" },
  { title: "shape" },
  { title: "channels" },
  { title: "operators" },
  { title: "size", number: true },
];

const keptColumns: readonly Column[] = [
  { title: "tensor that stays as it is", shorten: "middle" },
  { title: "shape" },
  { title: "reason", shorten: "end" },
];

/** `channelwise inspect` of an ONNX model: the weights that can be quantized, and why others cannot be. */
export async function inspectOnnx(files: readonly string[], json: boolean, stdout: Stream): Promise<Outcome> {
  const model = await readOnnx(files);
  await model.close();
  const { name, irVersion, opset, kept } = model;
  const weights = model.weights.map(({ name, dtype, shape, axis, operators, nodes, byteLength }) => ({
    ...{ name, dtype, shape, axis, operators, nodes, byteLength },
  }));
  if (!json) {
    const size = weights.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const facts = `onnx, opset ${opset}, IR version ${irVersion}, ${counted(weights.length, "weight")}, ${bytes(size)}`;
    const rows = weights.map(({ name, shape, axis, operators, byteLength }) => [
      name,
      shapeText(shape),
      `axis ${axis}`,
      operators.join(", "),
      bytes(byteLength),
    ]);
    const others = kept.map(({ name, shape, reason }) => [name, shapeText(shape), reason]);
    stdout.write(`${styled(stdout, "bold", name)}  ${facts}\n`);
    for (const [titles, ...lines] of [
      tableLines(columns, rows, widthOf(stdout)),
      tableLines(keptColumns, others, widthOf(stdout)),
    ]) {
      stdout.write(`\n${[styled(stdout, "dim", titles), ...lines].join("\n")}\n`);
    }
  }
  return { exitCode: 0, json: { name, format: "onnx", irVersion, opset, weights, kept } };
}
