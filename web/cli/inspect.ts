import {
  type Inspection,
  inspectModel,
  joinShards,
  type Model,
  type ModelTensor,
  openModel,
  printable,
  type QuantizedTensor,
  shownName,
  type TensorInfo,
} from "channelwise/models";
import type { Context, Outcome } from "./context.js";
import { bytes, counted, cut, formatText, layoutText, oneLine, shapeText } from "./format.js";
import { modelFile } from "./inputs.js";
import type { Values } from "./options.js";
import { tellReading } from "./reading.js";
import { type Column, tableLines } from "./table.js";
import { styled, widthOf } from "./terminal.js";

/** `channelwise inspect` */
export async function inspect(
  operands: readonly string[],
  { json }: Values,
  { stdout, stderr }: Context,
): Promise<Outcome> {
  const files = operands.map(modelFile);
  const model = await openModel(files);
  try {
    tellReading(stderr, files[0], model);
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
  const { name, metadata, irVersion } = model;
  const { dialect, quantized, blocks = [], kept, unreadable, warnings = [] } = inspection;
  const format = formatText({ model }) + (irVersion === undefined ? "" : `, IR version ${irVersion}`);
  const width = widthOf(stdout);
  const facts = [
    dialect === undefined ? format : `${format}, dialect ${dialect}`,
    counted(quantized.length + blocks.length + kept.length, "tensor"),
    bytes(sizeOf(inspection)),
  ];
  const rows = [
    ...quantized.map((tensor) => [tensor.name, shapeText(tensor.shape), howText(tensor), bytes(tensor.byteLength)]),
    ...blocks.map((tensor) => [tensor.name, shapeText(tensor.shape), tensor.blockType, bytes(tensor.byteLength)]),
    ...kept.map((tensor) => [tensor.name, shapeText(tensor.shape), valuesText(tensor), bytes(tensor.byteLength)]),
  ];
  const [titles, ...lines] = tableLines(columns, rows, width);
  return [
    `${styled(stdout, "bold", printable(name))}  ${facts.join(", ")}`,
    ...Object.entries(metadata).map(([key, value]) => metadataLine(key, value, width)),
    "",
    styled(stdout, "dim", titles),
    ...lines,
    ...warnings.map((warning) => `${styled(stdout, "yellow", "warning:")} ${oneLine(warning)}`),
    ...unreadable.map(
      ({ tensor, reason }) => `${shownName(tensor)} is quantized, but cannot be read: ${oneLine(reason)}`,
    ),
    ...(model.passedOver ?? []).map((each) => `${shownName(each.name)} is passed over: ${oneLine(each.reason)}`),
  ];
}

/** The start of a value is enough. A training recipe may be a megabyte. */
const MOST_METADATA = 1000;

function metadataLine(key: string, value: string, width: number): string {
  const some = value.slice(0, MOST_METADATA).replace(/\s+/g, " ");
  return cut(`  ${shownName(key)}: ${printable(some)}${value.length > MOST_METADATA ? "…" : ""}`, width);
}

/** How a tensor is quantized: "8 bits per channel, axis 0, as DequantizeLinear". */
function howText({ scheme, pattern, rotation }: QuantizedTensor): string {
  if (rotation !== undefined) return `${layoutText(scheme)}, rotated by ${rotation}`;
  return pattern === undefined ? layoutText(scheme) : `${layoutText(scheme)}, as ${pattern}`;
}

/**
 * The type of a tensor, and in an .onnx model the operator that uses it ("float32, axis 1 of MatMul") or why it stays
 * as it is.
 */
function valuesText({ dtype, axis, operators, reason }: ModelTensor): string {
  if (reason !== undefined) return `${dtype}, kept: ${reason}`;
  return operators === undefined ? dtype : `${dtype}, axis ${axis} of ${operators.join(", ")}`;
}

/** The bytes of all tensors. */
function sizeOf({ quantized, blocks = [], kept }: Inspection): number {
  return [...quantized, ...blocks, ...kept].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function inspectionJson(model: Model, inspection: Inspection): object {
  const { name, format, metadata, notes, opset, irVersion, passedOver = [] } = model;
  const { dialect, quantized, blocks, kept, unreadable, warnings = [] } = inspection;
  return {
    name,
    format,
    dialect: dialect ?? null,
    metadata,
    ...(notes && { notes }),
    ...(opset !== undefined && { opset, irVersion }),
    byteLength: sizeOf(inspection),
    quantized: quantized.map(({ name, shape, scheme, zeroPoints, rotation, pattern, codes, scales, byteLength }) => ({
      name,
      shape,
      ...scheme,
      ...(zeroPoints && { zeroPoints }),
      ...(rotation !== undefined && { rotation }),
      ...(pattern !== undefined && { pattern }),
      codes: infoJson(codes),
      scales: infoJson(scales),
      byteLength,
    })),
    ...(blocks && {
      blocks: blocks.map(({ name, shape, blockType, byteLength }) => ({ name, shape, type: blockType, byteLength })),
    }),
    kept: kept.map(infoJson),
    unreadable,
    ...(warnings.length > 0 && { warnings }),
    passedOver,
  };
}

function infoJson({ name, dtype, shape, byteLength, ...ofNodes }: TensorInfo & Partial<ModelTensor>): object {
  const { axis, operators, nodes, reason } = ofNodes;
  return { name, dtype, shape, ...(operators && { axis, operators, nodes }), ...(reason && { reason }), byteLength };
}

/**
 * The entry that vLLM and transformers need in the model's config.json. It covers all shards, which the metadata of no
 * single file do.
 */
async function configJson(model: Model, { dialect }: Inspection): Promise<object> {
  if (dialect === undefined || !dialect.startsWith("compressed-tensors")) return {};
  return { quantizationConfig: (await joinShards([model])).quantizationConfig };
}
