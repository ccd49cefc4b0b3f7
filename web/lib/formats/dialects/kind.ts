import { byteLengthOf } from "../../tensor/dtypes.js";
import type { QuantizedTensor } from "../../tensor/quantized-tensor.js";
import type { ModelTensor, TensorInfo } from "../../tensor/tensor.js";
import type { Inspection, Model, ModelKind } from "../format.js";
import type { Output, OutputStep } from "../output.js";
import { safetensorsWriter } from "../safetensors/safetensors.js";
import { CONFIG } from "./compressed-tensors.js";
import { inspectNames } from "./inspect.js";
import { dialectTarget } from "./target.js";

/** Models of named tensors in any format, which are inspected and stored by these names. */
export const namedTensors: ModelKind = {
  inspect: inspectNames,
  target: dialectTarget,
  floats: floatsOutput,
};

/** A .safetensors file with floats in place of the quantized tensors. */
function floatsOutput(model: Model, { quantized, kept }: Inspection, float16: boolean): Output {
  const inputs: readonly (QuantizedTensor | ModelTensor)[] = [...quantized, ...kept];
  const tensors = inputs.map((input) => ("readCodes" in input ? floatInfo(input, float16) : input));
  const { [CONFIG]: _, ...metadata } = model.metadata;
  const writerFor = (sink: Parameters<typeof safetensorsWriter>[0]) => safetensorsWriter(sink, tensors, metadata);
  return {
    byteLength: writerFor({ write: async () => {}, close: async () => {}, abort: async () => {} }).byteLength,
    metadata,
    work(sink) {
      const writer = writerFor(sink);
      const steps = inputs.map((input, i): OutputStep => {
        const { name, byteLength } = input;
        const write = (offset: number, bytes: Uint8Array<ArrayBuffer>) => writer.write(i, offset, bytes);
        const step = { tensor: name, byteLength, write };
        if (!("readCodes" in input)) return { ...step, copy: input };
        return { ...step, dequantize: input, info: tensors[i], lendValues: float16 ? undefined : writer.lender?.(i) };
      });
      return { begin: writer.begin, steps, end: writer.end };
    },
  };
}

/** The float tensor that a quantized one stands for. */
export function floatInfo({ name, shape, scheme }: QuantizedTensor, float16 = false): TensorInfo {
  const dtype = float16 ? "float16" : scheme.scaleType === "float64" ? "float64" : "float32";
  return { name, shape, dtype, byteLength: byteLengthOf(dtype, shape) };
}
