import type { Channelwise } from "channelwise";
import { blobSink, openModel, planModel, quantizeModel } from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import { dsvFormat } from "d3-dsv";
import type { Saved, SavedAs } from "../protocol.js";
import { nestedArrays, referenceJsonParts } from "../reference-json.js";
import { axisNames, type Quantization } from "./quantization.js";
import { scaleName } from "./windows.js";

/** A result as a file. */
export async function savedFile(
  channelwise: Channelwise,
  quantization: Quantization,
  what: Saved,
  as: SavedAs,
): Promise<Blob> {
  const { result } = quantization;
  if (as === "safetensors" || as === "npz") return modelFile(channelwise, quantization, as);
  if (what === "all") return textBlob(referenceJsonParts(result), "application/json");
  const isOfScales = what === "scales" || what === "zeroPoints";
  const { [what]: values = new Int8Array() } = result;
  const shape = isOfScales ? result.scaleShape : result.shape;
  if (as === "json") return textBlob(nestedArrays(values, shape), "application/json");
  if (as === "npy") {
    return new Blob([writeNpy(values, shape)], { type: "application/octet-stream" });
  }
  const lines = isOfScales ? scaleLines(quantization, as) : matrixLines(quantization, what, as);
  return textBlob(lines, as === "csv" ? "text/csv" : "text/tab-separated-values");
}

/** A model of this one tensor, as the command line writes it. */
async function modelFile(
  channelwise: Channelwise,
  { tensor, weights, result }: Quantization,
  as: "safetensors" | "npz",
) {
  const model = await openModel(new File([writeNpy(weights, tensor.shape)], `${tensor.name}.npy`));
  const { bits, rule, zeroPoints, axis, granularity } = result;
  const settings = {
    bits,
    scales: rule,
    zeroPoints: zeroPoints !== undefined,
    granularity,
    ...(axis !== undefined && { axis }),
  };
  const plan = planModel(model, { dialect: as === "npz" ? "npz" : "plain", tensors: new Map([[0, settings]]) });
  const sink = blobSink();
  await quantizeModel(channelwise, plan, sink);
  return sink.blob();
}

const formats = { csv: dsvFormat(","), tsv: dsvFormat("\t") };
const separators = { csv: ",", tsv: "\t" };

function* scaleLines(quantization: Quantization, as: "csv" | "tsv"): Generator<string> {
  const { settings, result } = quantization;
  const format = formats[as];
  const { zeroPoints } = result;
  const heads = ["scale", ...(zeroPoints ? ["zero_point"] : []), "mse", "max_error", "sqnr_db"];
  yield `${format.formatRow([settings.granularity, ...heads])}\n`;
  for (const [i, scale] of result.scales.entries()) {
    const { mse, maxError, sqnr } = result.perChannel;
    const figures = [
      scale,
      ...(zeroPoints ? [zeroPoints[i]] : []),
      mse[i],
      maxError[i],
      sqnr[i] === Infinity ? "inf" : sqnr[i],
    ];
    yield `${format.formatRow([scaleName(quantization, i), ...figures.map(String)])}\n`;
  }
}

/** The rows of the last dimension with every digit, and with the names they were read with. */
function* matrixLines({ tensor, result }: Quantization, what: "quantized" | "dequantized", as: "csv" | "tsv") {
  const format = formats[as];
  const separator = separators[as];
  const width = tensor.shape.at(-1) as number;
  const rowNames = axisNames(tensor, 0);
  const columnNames = axisNames(tensor, 1);
  const values = result[what];

  if (columnNames !== undefined) yield `${format.formatRow([...(rowNames ? [""] : []), ...columnNames])}\n`;
  for (let row = 0; row * width < values.length; row++) {
    const name = rowNames === undefined ? "" : format.formatValue(rowNames[row]) + separator;
    yield `${name}${values.subarray(row * width, (row + 1) * width).join(separator)}\n`;
  }
}

/**
 * Joins parts into strings of about a megabyte: a Blob of millions of parts is slow, and one string can be too long.
 */
function textBlob(parts: Iterable<string>, type: string): Blob {
  const chunks: string[] = [];
  let chunk = "";
  for (const part of parts) {
    chunk += part;
    if (chunk.length > 2 ** 20) {
      chunks.push(chunk);
      chunk = "";
    }
  }
  return new Blob([...chunks, chunk], { type });
}
