import { type Inspection, inspectModel, joinShards, type Model, openModel } from "channelwise/files";
import type { Context, Outcome } from "./context.js";
import { bytes, counted, cut, layoutText, shapeText } from "./format.js";
import { isOnnx, modelFile } from "./inputs.js";
import { inspectOnnx } from "./inspect-onnx.js";
import type { Values } from "./options.js";
import { type Column, tableLines } from "./table.js";
import { styled, widthOf } from "./terminal.js";

/** `channelwise inspect` */
export async function inspect(operands: readonly string[], { json }: Values, { stdout }: Context): Promise<Outcome> {
  const files = operands.map(modelFile);
  if (files.some((file) => isOnnx(file))) return inspectOnnx(files, json === true, stdout);
  const model = await openModel(files);
  try {
    const inspection = await inspectModel(model);
    if (!json) stdout.write(`${viewLines(model, inspection, stdout).join("\n")}\n`);
    return { exitCode: 0, json: { ...inspectionJson(model, inspection), ...(await configJson(model, inspection)) } };
  } finally {
    await model.close();
  }
}

const columns: readonly Column[] = [
  { title: "tensor", shorten: "middle" },
  { title: "shape" },
  { title: "values" },
  { title: "size", number: true },
];

function viewLines(model: Model, inspection: Inspection, stdout: Context["stdout"]): string[] {
  const { name, format, metadata, tensors } = model;
  const { dialect, quantized, kept, unreadable } = inspection;
  const width = widthOf(stdout);
  const facts = [
    dialect === undefined ? format : `${format}, dialect ${dialect}`,
    counted(quantized.length + kept.length, "tensor"),
    bytes(tensors.reduce((sum, { byteLength }) => sum + byteLength, 0)),
  ];
  const rows = [
    ...quantized.map((tensor) => [tensor.name, shapeText(tensor.shape), layoutText(tensor), bytes(tensor.byteLength)]),
    ...kept.map(({ name, shape, dtype, byteLength }) => [name, shapeText(shape), dtype, bytes(byteLength)]),
  ];
  const [titles, ...lines] = tableLines(columns, rows, width);
  return [
    `${styled(stdout, "bold", name)}  ${facts.join(", ")}`,
    ...Object.entries(metadata).map(([key, value]) => cut(`  ${key}: ${value.replace(/\s+/g, " ")}`, width)),
    "",
    styled(stdout, "dim", titles),
    ...lines,
    ...unreadable.map(({ tensor, reason }) => `${tensor} is quantized, but not read: ${reason}`),
    ...(model.passedOver ?? []).map((each) => `${each.name} is passed over: ${each.reason}`),
  ];
}

function inspectionJson({ name, format, metadata, tensors, passedOver = [] }: Model, inspection: Inspection): object {
  const { dialect, quantized, kept, unreadable } = inspection;
  return {
    name,
    format,
    dialect: dialect ?? null,
    metadata,
    byteLength: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
    quantized: quantized.map(({ name, shape, bits, axis, granularity, codes, scales, byteLength }) => ({
      name,
      shape,
      bits,
      axis,
      granularity,
      codes: infoJson(codes),
      scales: infoJson(scales),
      byteLength,
    })),
    kept: kept.map(infoJson),
    unreadable,
    passedOver,
  };
}

function infoJson({ name, dtype, shape, byteLength }: Model["tensors"][number]): object {
  return { name, dtype, shape, byteLength };
}

/** What the model's config.json needs, where vLLM and transformers are to load it: of all shards, as no file's metadata has it. */
async function configJson(model: Model, { dialect }: Inspection): Promise<object> {
  if (dialect === undefined || !dialect.startsWith("compressed-tensors")) return {};
  return { quantizationConfig: (await joinShards([model])).quantizationConfig };
}
