import { readOnnx } from "channelwise/onnx";
import type { Outcome } from "./context.js";
import { bytes, counted, layoutText, shapeText } from "./format.js";
import { type Column, tableLines } from "./table.js";
import { type Stream, styled, widthOf } from "./terminal.js";

const columns: readonly Column[] = [
  { title: "weight", shorten: "middle" },
  { title: "shape" },
  { title: "channels" },
  { title: "operators" },
  { title: "size", number: true },
];

const quantizedColumns: readonly Column[] = [
  { title: "quantized weight", shorten: "middle" },
  { title: "shape" },
  { title: "values" },
  { title: "pattern" },
  { title: "size", number: true },
];

const keptColumns: readonly Column[] = [
  { title: "tensor that stays as it is", shorten: "middle" },
  { title: "shape" },
  { title: "reason", shorten: "end" },
];

/** `channelwise inspect` of an ONNX model: the weights that are quantized or can be, and why others cannot be. */
export async function inspectOnnx(files: readonly string[], json: boolean, stdout: Stream): Promise<Outcome> {
  const model = await readOnnx(files, { quantized: true });
  await model.close();
  const { name, irVersion, opset, kept, unreadable } = model;
  const weights = model.weights.map(({ name, dtype, shape, axis, operators, nodes, byteLength }) => ({
    ...{ name, dtype, shape, axis, operators, nodes, byteLength },
  }));
  const quantized = model.quantized.map(({ name, shape, bits, axis, granularity, pattern, byteLength }) => ({
    ...{ name, shape, bits, axis, granularity, pattern, byteLength },
  }));
  if (!json) {
    const size = (of: readonly { byteLength: number }[]) => bytes(of.reduce((sum, each) => sum + each.byteLength, 0));
    const facts = [`onnx, opset ${opset}, IR version ${irVersion}`];
    if (quantized.length > 0) facts.push(`${counted(quantized.length, "quantized weight")}, ${size(quantized)}`);
    if (weights.length > 0 || quantized.length === 0) {
      facts.push(`${counted(weights.length, "weight")}, ${size(weights)}`);
    }
    const stored = quantized.map((weight) => [
      weight.name,
      shapeText(weight.shape),
      layoutText(weight),
      weight.pattern,
      bytes(weight.byteLength),
    ]);
    const rows = weights.map(({ name, shape, axis, operators, byteLength }) => [
      name,
      shapeText(shape),
      `axis ${axis}`,
      operators.join(", "),
      bytes(byteLength),
    ]);
    const others = kept.map(({ name, shape, reason }) => [name, shapeText(shape), reason]);
    stdout.write(`${styled(stdout, "bold", name)}  ${facts.join(", ")}\n`);
    for (const [titles, ...lines] of [
      ...(stored.length > 0 ? [tableLines(quantizedColumns, stored, widthOf(stdout))] : []),
      ...(rows.length > 0 ? [tableLines(columns, rows, widthOf(stdout))] : []),
      ...(others.length > 0 ? [tableLines(keptColumns, others, widthOf(stdout))] : []),
    ]) {
      stdout.write(`\n${[styled(stdout, "dim", titles), ...lines].join("\n")}\n`);
    }
    for (const { name, reason } of unreadable) stdout.write(`${name} is quantized, but not read: ${reason}\n`);
  }
  return { exitCode: 0, json: { name, format: "onnx", irVersion, opset, quantized, weights, kept, unreadable } };
}
