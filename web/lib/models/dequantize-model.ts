import { CONFIG } from "../formats/safetensors/dialects/compressed-tensors.js";
import type { ByteSink } from "../io/bytes.js";
import type { AnyChannelwise } from "../stream/runner.js";
import { byteLengthOf, bytesPerElement, elementsOf } from "../tensor/dtypes.js";
import type { Model, ModelTensor, TensorInfo } from "../tensor/model.js";
import { copyTensor } from "./copy-tensor.js";
import { dequantized } from "./dequantized.js";
import { type Inspection, inspectModel, type QuantizedTensor } from "./inspect-model.js";
import { type Course, checkRunOptions, type RunOptions, runSteps, type Step, writing } from "./run.js";
import { safetensorsWriter, type TensorWriter } from "./tensor-writer.js";

/**
 * Writes a .safetensors file of the weights that a quantized model stands for, as float32 (float64 where its scales are);
 * all other tensors are kept byte for byte, also quantized ones that cannot be read. The sink is closed when it is complete,
 * and aborted otherwise.
 *
 * @throws {TypeError} for a model without quantized tensors that can be read.
 * @throws {FormatError | StoppedError} as `quantizeModel` does.
 */
export async function dequantizeModel(
  channelwise: AnyChannelwise,
  model: Model,
  sink: ByteSink,
  options: RunOptions = {},
): Promise<Pick<Inspection, "unreadable"> & { readonly byteLength: number }> {
  return writing(sink, async () => {
    checkRunOptions(options);
    const { quantized, kept, unreadable } = await inspectModel(model);
    if (quantized.length === 0) throw new TypeError(whyNothing(model, unreadable));
    const inputs: (QuantizedTensor | ModelTensor)[] = [...quantized, ...kept];
    const tensors = inputs.map((input) => ("codes" in input ? floatInfo(input) : input));
    const { [CONFIG]: _, ...metadata } = model.metadata;
    const writer = safetensorsWriter(sink, tensors, metadata);
    await writer.begin();
    await runSteps(
      inputs.map((input, i) => stepOf(channelwise, input, tensors[i], i, writer)),
      options,
    );
    await writer.end();
    return { byteLength: writer.byteLength, unreadable };
  });
}

/** Why nothing of a model can be dequantized. */
export function whyNothing({ name }: Model, [first]: Inspection["unreadable"]): string {
  return first === undefined ? `${name} has no quantized tensors` : `tensor ${first.tensor}: ${first.reason}`;
}

/** The tensor of floats that a quantized one stands for. */
export function floatInfo({ name, shape, scales }: QuantizedTensor): TensorInfo {
  const dtype = scales.dtype === "float64" ? "float64" : "float32";
  return { name, shape, dtype, byteLength: byteLengthOf(dtype, shape) };
}

function stepOf(
  channelwise: AnyChannelwise,
  input: QuantizedTensor | ModelTensor,
  { dtype, shape }: TensorInfo,
  index: number,
  writer: TensorWriter,
): Step<void> {
  const { name, byteLength } = input;
  if (!("codes" in input)) {
    const use = (offset: number, bytes: Uint8Array<ArrayBuffer>) => writer.write(index, offset, bytes);
    return { tensor: name, byteLength, run: (course) => copyTensor(input, use, course) };
  }
  const elements = elementsOf(shape);
  return {
    tensor: name,
    byteLength,
    async run({ signal, progress }: Course) {
      for await (const { start, values } of dequantized(channelwise, input)) {
        signal?.throwIfAborted();
        await writer.write(index, start * bytesPerElement(dtype), new Uint8Array(values.buffer));
        progress((start + values.length) / elements);
      }
    },
  };
}
