// Checked by the compiler alone (tsc over the whole repository): which types follow from which arguments.

import {
  type Bits,
  type ChannelErrors,
  type Channelwise,
  load,
  NonFiniteError,
  type QuantizedWeights,
  type QuantizeOptions,
  type QuantizeResult,
  type TotalErrors,
} from "channelwise";
import { load as loadParallel } from "channelwise/parallel";
import { load as loadSlim } from "channelwise/slim";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only if A is exactly B. */
function same<A, B>(..._: Equal<A, B> extends true ? [] : [never]): void {}

declare const channelwise: Channelwise;
declare const float32: Float32Array;
declare const float64: Float64Array;
declare const rows: number[][];
declare const someBits: number;
declare const flag: boolean;

type Int8 = Int8Array<ArrayBuffer>;
type Int16 = Int16Array<ArrayBuffer>;
type Float32 = Float32Array<ArrayBuffer>;
type Float64 = Float64Array<ArrayBuffer>;

export function codes(): void {
  const shape = [2, 3];
  same<typeof byDefault, Int8>();
  const byDefault = channelwise.quantize(float32, { shape }).quantized;
  same<typeof eight, Int8>();
  const eight = channelwise.quantize(float32, { shape, bits: 8 }).quantized;
  same<typeof two, Int8>();
  const two = channelwise.quantize(float32, { shape, bits: 2 }).quantized;
  same<typeof nine, Int16>();
  const nine = channelwise.quantize(float32, { shape, bits: 9 }).quantized;
  same<typeof sixteen, Int16>();
  const sixteen = channelwise.quantize(float32, { shape, bits: 16 }).quantized;
  same<typeof any, Int8 | Int16>();
  const any = channelwise.quantize(float32, { shape, bits: someBits }).quantized;
  same<typeof either, Int8 | Int16>();
  const either = channelwise.quantize(float32, { shape, bits: flag ? 8 : 16 }).quantized;
  same<typeof withoutOptions, Int8>();
  const withoutOptions = channelwise.quantize(rows).quantized;
  same<typeof packed, Uint8Array<ArrayBuffer>>();
  const packed = channelwise.quantize(float32, { shape, bits: 4, packed: true }).quantized;
  same<typeof notPacked, Int8>();
  const notPacked = channelwise.quantize(float32, { shape, bits: 4, packed: false }).quantized;
  same<typeof perhapsPacked, Uint8Array<ArrayBuffer> | Int8>();
  const perhapsPacked = channelwise.quantize(float32, { shape, bits: 4, packed: flag }).quantized;
  same<typeof filled, Uint8Array>();
  const filled = channelwise.quantize(float32, {
    ...{ shape, bits: 4, packed: true },
    into: { quantized: new Uint8Array(3) as Uint8Array },
  }).quantized;
}

export function scales(): void {
  const shape = [2, 3];
  same<typeof ofFloat32, Float32>();
  const ofFloat32 = channelwise.quantize(float32, { shape }).scales;
  same<typeof ofFloat64, Float64>();
  const ofFloat64 = channelwise.quantize(float64, { shape }).scales;
  same<typeof ofNumbers, Float64>();
  const ofNumbers = channelwise.quantize(rows).scales;
  same<typeof ofFloat32Rows, Float32>();
  const ofFloat32Rows = channelwise.quantize([float32, float32]).scales;
  same<typeof ofFloat64Rows, Float64>();
  const ofFloat64Rows = channelwise.quantize([float64]).scales;
  same<typeof ofEither, Float32 | Float64>();
  const ofEither = channelwise.quantize(flag ? float32 : float64, { shape }).scales;
  channelwise.quantize([
    [1, 2],
    [3, 4],
  ] as const);
}

export function figures(): void {
  const shape = [2, 3];
  const byDefault = channelwise.quantize(float32, { shape });
  same<typeof byDefault.mse, number>();
  // @ts-expect-error: asked for with errors: "channel" only
  byDefault.perChannel;
  const total = channelwise.quantize(float32, { shape, errors: "total" });
  same<typeof total.sqnr, number>();
  // @ts-expect-error: asked for with errors: "channel" only
  total.perChannel;
  const channel = channelwise.quantize(float32, { shape, errors: "channel" });
  same<typeof channel.maxError, number>();
  same<typeof channel.perChannel, ChannelErrors<ArrayBuffer>>();
  const either = channelwise.quantize(float32, { shape, errors: flag ? "total" : "channel" });
  same<typeof either.mse, number>();
  same<typeof either.perChannel, ChannelErrors<ArrayBuffer> | undefined>();
  const none = channelwise.quantize(float32, { shape, errors: false });
  // @ts-expect-error: not computed
  none.mse;
  // @ts-expect-error: not computed
  none.perChannel;
  const perhaps = channelwise.quantize(float32, { shape, errors: flag ? "total" : false });
  same<typeof perhaps.mse, number | undefined>();
}

export function dequantized(): void {
  const shape = [2, 3];
  // @ts-expect-error: not asked for
  channelwise.quantize(float32, { shape }).dequantized;
  // @ts-expect-error: not asked for
  channelwise.quantize(float32, { shape, dequantize: false }).dequantized;
  const asked = channelwise.quantize(float32, { shape, dequantize: true });
  same<typeof asked.dequantized, Float32>();
  same<typeof doubles, Float64>();
  const doubles = channelwise.quantize(rows, { dequantize: true }).dequantized;
  same<typeof perhaps, Float32 | undefined>();
  const perhaps = channelwise.quantize(float32, { shape, dequantize: flag }).dequantized;

  same<typeof back, Float32>();
  const back = channelwise.dequantize(asked);
  same<typeof backDoubles, Float64>();
  const backDoubles = channelwise.dequantize({ quantized: new Int8Array(2), scales: new Float64Array(2), shape: [2] });
  const stored: QuantizedWeights = asked;
  same<typeof backEither, Float32 | Float64>();
  const backEither = channelwise.dequantize(stored);
  const shared = new Float32Array(new SharedArrayBuffer(24));
  same<typeof filled, Float32Array<SharedArrayBuffer>>();
  const filled = channelwise.dequantize(asked, { into: { dequantized: shared } });
}

export function into(): void {
  const shape = [2, 3];
  const quantized = new Int8Array(new SharedArrayBuffer(6));
  same<typeof filled.quantized, Int8Array<SharedArrayBuffer>>();
  same<typeof filled.scales, Float32>();
  const filled = channelwise.quantize(float32, { shape, into: { quantized } });
  const perChannel = { mse: new Float64Array(2), maxError: new Float64Array(2), sqnr: new Float64Array(2) };
  same<typeof figures.perChannel, typeof perChannel>();
  const figures = channelwise.quantize(float32, { shape, errors: "channel", into: { perChannel } });
}

export function elsewhere(): Blob {
  const { quantized, scales } = channelwise.quantize(float32, { granularity: "tensor" });
  void fetch("/upload", { method: "POST", body: quantized });
  return new Blob([quantized, scales]);
}

export function wrong(): void {
  const shape = [2, 3];
  // @ts-expect-error: a misspelt name
  channelwise.quantize(float32, { shape, bit: 4 });
  // @ts-expect-error: a misspelt name beside right ones
  channelwise.quantize(rows, { axis: 1, granlarity: "tensor" });
  // @ts-expect-error: no such granularity
  channelwise.quantize(float32, { shape, granularity: "row" });
  // @ts-expect-error: groups need a size
  channelwise.quantize(float32, { shape, granularity: { along: 1 } });
  // @ts-expect-error: no such figures
  channelwise.quantize(float32, { shape, errors: "all" });
  // @ts-expect-error: true is no choice of errors
  channelwise.quantize(float32, { shape, errors: true });
  // @ts-expect-error: bits are a number
  channelwise.quantize(float32, { shape, bits: "8" });
  // @ts-expect-error: codes are integers
  channelwise.quantize(float32, { shape, into: { quantized: new Float32Array(6) } });
  // @ts-expect-error: integers are no weights
  channelwise.quantize(new Int8Array(6), { shape });
  // @ts-expect-error: text is no number
  channelwise.quantize([["1"]]);
  // @ts-expect-error: rows are needed
  channelwise.quantize([1, 2, 3]);
  // @ts-expect-error: without scales
  channelwise.dequantize({ quantized: new Int8Array(6), shape });
  // @ts-expect-error: a misspelt name
  channelwise.dequantize(channelwise.quantize(rows), { in: {} });
  // @ts-expect-error: a misspelt name
  void load({ wsam: new ArrayBuffer(8) });
  // @ts-expect-error: slim carries no binary
  void loadSlim();
  // @ts-expect-error: slim carries no binary
  void loadSlim({});
}

/** Workers of either kind can be given. */
export async function parallel(worker: import("node:worker_threads").Worker): Promise<void> {
  void loadParallel({ createWorker: () => worker });
  void loadParallel({ createWorker: () => new Worker("worker.js") });
  const channelwise = await loadParallel();
  const result = channelwise.quantize(float32, { granularity: "tensor", dequantize: true });
  same<Awaited<typeof result>["dequantized"], Float32>();
}

/** A function of someone else, which passes options on. */
export function wrapped(
  weights: Float32Array,
  options: QuantizeOptions,
): QuantizeResult<Float32Array, QuantizeOptions> {
  const result = channelwise.quantize(weights, options);
  same<typeof result.bits, Bits>();
  const figures: Partial<TotalErrors> = result;
  void figures;
  return result;
}

/** Options that depend on a condition. */
export function either(): void {
  const options = flag ? { granularity: "tensor" as const } : { shape: [2, 3], axis: 1 };
  const result = channelwise.quantize(float32, options);
  same<typeof result.quantized, Int8>();
  same<typeof result.mse, number>();
}

export function caught(error: unknown): number | undefined {
  if (!(error instanceof NonFiniteError)) return undefined;
  const range: RangeError = error;
  // @ts-expect-error: what was found is not to be changed
  error.index = 3;
  return range === error ? error.channel + error.value + error.index : undefined;
}

export async function loaded(): Promise<Channelwise[]> {
  same<Awaited<ReturnType<typeof load>>, Channelwise>();
  const module = await WebAssembly.compile(new ArrayBuffer(8));
  return Promise.all([
    load(),
    load({}),
    load({ wasm: module }),
    load({ wasm: fetch("/channelwise.wasm") }),
    load({ wasm: new URL("https://example.com/channelwise.wasm") }),
    loadSlim({ wasm: new Uint8Array(8) }),
  ]);
}
