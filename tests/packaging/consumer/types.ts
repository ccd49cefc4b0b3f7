// Checks what the declarations accept and refuse. Compiled with the installed package, never run.

import {
  type Bits,
  type Channelwise,
  FormatError,
  type Granularity,
  load,
  NonFiniteError,
  type QuantizedWeights,
  type QuantizeOptions,
  type QuantizeResult,
} from "channelwise";
import {
  type ByteSink,
  blobSink,
  type Decision,
  fileSink,
  type ModelSummary,
  measureModel,
  openModel,
  type Plan,
  planModel,
  quantizeModel,
  StoppedError,
  streamSink,
  type TensorSummary,
} from "channelwise/models";
import { readNpy, writeNpy } from "channelwise/npy";
import { load as loadParallel, type ParallelChannelwise, type WorkerLike } from "channelwise/parallel";
import { load as loadSlim } from "channelwise/slim";

/** Compiles only where the type of the value is exactly T. */
function is<T>() {
  return <V>(_value: V & (Equal<T, V> extends true ? unknown : never)) => {};
}
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

declare const float32: Float32Array;
declare const float64: Float64Array;
declare const shared: Float32Array<SharedArrayBuffer>;
declare const rows: number[][];
declare const int8: Int8Array<SharedArrayBuffer>;

const channelwise = await load();
is<Channelwise>()(channelwise);
const shape = [2, 4];

// The weights select the type of the scales, and a literal number of bits that of the codes. Both fit a Blob.
const plain = channelwise.quantize(float32, { shape });
is<Int8Array<ArrayBuffer>>()(plain.quantized);
is<Float32Array<ArrayBuffer>>()(plain.scales);
is<number>()(plain.sqnr);
is<Bits>()(plain.bits);
new Blob([plain.quantized, plain.scales]);
is<Float64Array<ArrayBuffer>>()(channelwise.quantize(float64, { shape }).scales);
is<Float64Array<ArrayBuffer>>()(channelwise.quantize(rows).scales);
is<Float32Array<ArrayBuffer>>()(channelwise.quantize([float32, float32]).scales);
is<Float32Array<ArrayBuffer>>()(channelwise.quantize(shared, { shape }).scales);
is<Int16Array<ArrayBuffer>>()(channelwise.quantize(rows, { bits: 12 }).quantized);
declare const anyBits: number;
is<Int8Array<ArrayBuffer> | Int16Array<ArrayBuffer>>()(channelwise.quantize(rows, { bits: anyBits }).quantized);

// Fields exist when they are asked for.
is<Float32Array<ArrayBuffer>>()(channelwise.quantize(float32, { shape, dequantize: true }).dequantized);
is<Float64Array<ArrayBuffer>>()(channelwise.quantize(rows, { errors: "channel" }).perChannel.sqnr);
is<Int8Array<SharedArrayBuffer>>()(channelwise.quantize(rows, { into: { quantized: int8 } }).quantized);
// @ts-expect-error not asked for
plain.dequantized;
// @ts-expect-error not asked for
plain.perChannel;
// @ts-expect-error switched off
channelwise.quantize(rows, { errors: false }).mse;
is<number | undefined>()(channelwise.quantize(rows, {} as QuantizeOptions).mse);

// Unknown options, and options of the wrong type, are refused.
channelwise.quantize(float32, { granularity: { group: 32, along: -1 }, shape: [8, 64] });
// Groups lie along the last dimension by default. The result always has the value that was used.
const grouped = channelwise.quantize(rows, { granularity: { group: 32 } });
is<Granularity>()(grouped.granularity);
channelwise.dequantize({ ...grouped, granularity: { group: 32 } });
// @ts-expect-error misspelt
channelwise.quantize(rows, { bit: 8 });
// @ts-expect-error misspelt
channelwise.quantize(rows, { granularity: "row" });
// @ts-expect-error groups need a size
channelwise.quantize(rows, { granularity: { along: 1 } });
// @ts-expect-error a string
channelwise.quantize(rows, { bits: "8" });
// @ts-expect-error undefined is not left out, under exactOptionalPropertyTypes
channelwise.quantize(rows, { axis: undefined });
// @ts-expect-error integers are not weights
channelwise.quantize(new Int8Array(8), { shape });
// @ts-expect-error not numbers
channelwise.quantize([["1", "2"]]);

// Dequantizes a result, and one that was stored.
is<Float32Array<ArrayBuffer>>()(channelwise.dequantize(plain));
const stored: QuantizedWeights = { quantized: int8, scales: float32, shape };
is<Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>()(channelwise.dequantize(stored));
const general: QuantizeResult = channelwise.quantize(rows);
channelwise.dequantize(general);
// @ts-expect-error no scales
channelwise.dequantize({ quantized: int8, shape });

// Every source of the binary is accepted; the slim entry needs one.
await loadSlim({ wasm: new Uint8Array(8) });
await loadSlim({ wasm: fetch("channelwise.wasm") });
await load({ wasm: new URL("https://example.org/channelwise.wasm") });
// @ts-expect-error carries no binary
await loadSlim();
// @ts-expect-error not a binary
await load({ wasm: null });

// The same with workers: promises of what the synchronous calls return.
const parallel = await loadParallel({ workers: 2 });
is<ParallelChannelwise>()(parallel);
const { signal } = new AbortController();
const onProgress = (done: number, total: number) => console.log(done / total);
const later = await parallel.quantize(float32, { shape, bits: 12, errors: "channel", signal, onProgress });
is<Int16Array<ArrayBuffer>>()(later.quantized);
is<Float64Array<ArrayBuffer>>()(later.perChannel.mse);
is<Float32Array<ArrayBuffer>>()(await parallel.dequantize(later, { signal }));
is<Int8Array<SharedArrayBuffer>>()((await parallel.quantize(rows, { into: { quantized: int8 } })).quantized);
is<void>()(parallel.close());
declare const startWorker: () => WorkerLike;
await loadParallel({ createWorker: startWorker });
// @ts-expect-error misspelt
await loadParallel({ worker: 2 });
is<Int8Array<ArrayBuffer>>()(
  (await parallel.quantize(rows, { shape, bits: 4, onProgress: (done, total) => is<number>()(done / total) }))
    .quantized,
);
await parallel.dequantize(later, { onProgress: (done, total) => is<number>()(done / total) });
const into = { quantized: int8 };
await parallel.quantize(rows, { into, onProgress: (done, total) => is<number>()(done / total) });
declare const perhaps: { bits: 4 } | undefined;
await parallel.quantize(rows, perhaps);
is<Int8Array<ArrayBuffer> | Int16Array<ArrayBuffer>>()(
  (await parallel.quantize(rows, rows.length > 9 ? { bits: 4 } : { bits: 12 })).quantized,
);
// @ts-expect-error misspelt
parallel.quantize(rows, { onprogress: onProgress });
// @ts-expect-error the synchronous call cannot be ended
channelwise.quantize(rows, { signal });
// @ts-expect-error not for users
parallel.runner;

// An ONNX model from a file of a page or a path, with a quantizer of either kind.
const onnx = await openModel(new Blob());
await openModel(["model.onnx", "model.onnx_data"]);
const plan = planModel(onnx, {
  target: "webgpu",
  bits: 4,
  granularity: { group: 32 },
  overrides: { "*.head": { bits: 8, keep: false } },
});
is<Plan>()(plan);
is<readonly TensorSummary[]>()(await measureModel(parallel, plan, { signal }));
declare const onnxSink: Parameters<typeof quantizeModel>[2];
is<ModelSummary>()(
  await quantizeModel(channelwise, plan, onnxSink, { external: { location: "w.bin", sink: onnxSink } }),
);
is<Decision[]>()([...plan.decisions]);
// @ts-expect-error misspelt
planModel(onnx, { bit: 8 });
// @ts-expect-error groups need a size
planModel(onnx, { granularity: {} });
// @ts-expect-error not for users
onnx.kind;

const { weights, shape: read } = readNpy(new ArrayBuffer(128), "weights.npy");
if (weights instanceof Float32Array) channelwise.quantize(weights, { shape: read });
if (weights instanceof Int8Array) channelwise.dequantize({ quantized: weights, scales: float32, shape: read });
is<Uint8Array<ArrayBuffer>>()(writeNpy(plain.quantized, plain.shape));

// Models from files to files, on this thread or on workers.
declare const picked: File[];
declare const saved: WritableStream;
const model = await openModel(picked);
is<Plan>()(planModel(model, { dialect: "comfyui", exclude: ["*.embed*"] }));
const choice = planModel(model, {
  bits: 4,
  granularity: { group: 32, along: -1 },
  overrides: { "a.*": { bits: 8 } },
});
const sink: ByteSink = streamSink(saved);
const { tensors, byteLength } = await quantizeModel(parallel, choice, sink, { signal });
is<number>()(byteLength);
for (const tensor of tensors) console.log(tensor.quantize ? tensor.sqnr : tensor.reason);
const memory = blobSink();
await quantizeModel(channelwise, choice, memory);
is<Blob>()(await memory.blob());
is<ByteSink>()(await fileSink("quantized.safetensors", { overwrite: true }));
// @ts-expect-error no dialect of that name
planModel(model, { dialect: "gguf" });
// @ts-expect-error misspelt
planModel(model, { includes: ["*"] });
// @ts-expect-error figures of tensors that were quantized only
tensors[0]?.sqnr;

export function explain(error: unknown): string {
  if (error instanceof NonFiniteError) return `weight ${error.index} of channel ${error.channel} is ${error.value}`;
  if (error instanceof FormatError) return `${error.file} at byte ${error.offset}: ${error.reason}`;
  if (error instanceof StoppedError) return `tensor ${error.tensor}: ${error.cause}`;
  return String(error);
}
