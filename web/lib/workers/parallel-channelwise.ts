import { embeddedWasm } from "../core/wasm/embedded-wasm.js";

// The binary is the first thing in a bundle, as in index.ts: 1.5 KB less after gzip.

import type { Named } from "../core/apart.js";
import {
  type CodeArray,
  checkInteger,
  checkNames,
  type FloatArray,
  shown,
  type WeightArray,
} from "../core/arguments.js";
import { isShared } from "../core/arrays.js";
import { arrayKinds } from "../core/dtype.js";
import { createEngine } from "../core/memory/buffers.js";
import { packCodes, unpackCodes } from "../core/memory/packing.js";
import type { AnyCodes } from "../core/memory/staging.js";
import { type ArrayKind, channelErrorNames, newArray, viewOf } from "../core/outputs.js";
import {
  checkDequantize,
  checkQuantize,
  dequantizeNames,
  figuresOf,
  quantizeNames,
  quantizeResult,
} from "../core/requests.js";
import type {
  DequantizeOptions,
  DequantizeResult,
  Exactly,
  LoadOptions,
  QuantizedWeights,
  QuantizeOptions,
  QuantizeResult,
  Weights,
} from "../core/types.js";
import { compile, instantiate } from "../core/wasm/instantiate.js";
import type { Course } from "../stream/course.js";
import { dequantizeStream } from "../stream/dequantize-stream.js";
import { QuantizeStream } from "../stream/quantize-stream.js";
import type { Runner } from "../stream/runner.js";
import { Pool } from "./pool.js";
import { availableWorkers, checkWorkers, startWorker, type WorkerLike } from "./start.js";

/** Options of `load` of `channelwise/parallel`. */
export interface ParallelLoadOptions extends LoadOptions {
  /** The number of workers, from 1 to 64; by default one for each core, up to 8. */
  readonly workers?: number;
  /**
   * Starts a worker whose module calls `serve` of `channelwise/worker`. It is needed where a Content-Security-Policy
   * does not allow workers from `blob:` addresses.
   */
  readonly createWorker?: () => WorkerLike;
}

/** A signal for a call, and its progress. */
export interface CourseOptions {
  /** Ends the call, which is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Called from time to time with the number of weights that are done, and of all. Where weights pass twice, the first
   * pass is half of it.
   */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Options of `quantize` of `channelwise/parallel`. */
export interface ParallelQuantizeOptions extends QuantizeOptions, CourseOptions {}
/** Options of `dequantize` of `channelwise/parallel`. */
export interface ParallelDequantizeOptions extends DequantizeOptions, CourseOptions {}

/**
 * A quantizer that shares its work among workers, and gives the same bits as `channelwise` on one thread.
 *
 * Weights and arrays to fill in a SharedArrayBuffer are used in place, where the page is cross-origin isolated and in
 * Node. Others are copied to the workers and back, a few MB at a time. Do not change arrays until the promise settles;
 * after that they are not written to any more. A call that was rejected, for whatever reason, leaves the quantizer
 * usable.
 */
export interface ParallelChannelwise {
  /** The number of workers. */
  readonly workers: number;

  /**
   * Quantizes as `quantize` of `channelwise` does.
   *
   * Rejects with the errors of that function, with the signal's reason, or when a worker ends unexpectedly (it is then
   * replaced).
   */
  // There are two declarations because only the first gives `onProgress` its type, and only the second takes undefined.
  quantize<W extends Weights, const O extends Exactly<O, ParallelQuantizeOptions>>(
    weights: W,
    options: O & CourseOptions,
  ): Promise<QuantizeResult<W, O>>;
  /** The same with options that may be undefined. */
  quantize<W extends Weights, const O extends Exactly<O, ParallelQuantizeOptions> = object>(
    weights: W,
    options?: O | (O & CourseOptions),
  ): Promise<QuantizeResult<W, O>>;

  /** Dequantizes as `dequantize` of `channelwise` does, and rejects as `quantize` does. */
  dequantize<Q extends QuantizedWeights, const O extends Exactly<O, ParallelDequantizeOptions>>(
    quantized: Q,
    options: O & CourseOptions,
  ): Promise<DequantizeResult<Q, O>>;
  /** The same with options that may be undefined. */
  dequantize<Q extends QuantizedWeights, const O extends Exactly<O, ParallelDequantizeOptions> = object>(
    quantized: Q,
    options?: O | (O & CourseOptions),
  ): Promise<DequantizeResult<Q, O>>;

  /** Ends the workers. Pending and later calls are rejected. */
  close(): void;

  /** @internal */
  readonly runner: Runner;
}

/**
 * Starts workers. In Node, idle workers do not keep the process running.
 *
 * @throws {TypeError | RangeError} for wrong options.
 * @throws {Error} where the engine has no WebAssembly SIMD, the binary cannot be loaded, or the workers cannot be
 * started.
 */
export async function load(options: ParallelLoadOptions = {}): Promise<ParallelChannelwise> {
  checkNames("options", options, ["workers", "createWorker", "wasm"] satisfies (keyof ParallelLoadOptions)[]);
  const { workers = availableWorkers(), createWorker = startWorker, wasm } = options;
  checkInteger("workers", workers, 1, 64);
  checkFunction("createWorker", createWorker);
  if (createWorker === startWorker) checkWorkers();
  const module = await compile(wasm ?? (await embeddedWasm()));
  const pool = new Pool(createEngine(await instantiate(module)), module, workers, createWorker);
  try {
    await pool.start();
  } catch (cause) {
    pool.close();
    throw new Error(`channelwise could not start its workers: ${reasonOf(cause)}. ${whatToDo}`, { cause });
  }
  return createParallel(pool);
}

const whatToDo =
  "Where a Content-Security-Policy forbids workers from blob: addresses, allow them with worker-src, or give " +
  "load({ createWorker }) a function that starts a file of yours, which calls serve() of channelwise/worker";

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const courseNames = ["signal", "onProgress"] satisfies (keyof CourseOptions)[];
const parallelQuantizeNames = [...quantizeNames, ...courseNames];
const parallelDequantizeNames = [...dequantizeNames, ...courseNames];

function createParallel(pool: Pool): ParallelChannelwise {
  const courseOf = (
    { signal, onProgress }: CourseOptions,
    input: WeightArray | AnyCodes | undefined,
    length: number,
  ): Course => {
    if (signal !== undefined && typeof signal.throwIfAborted !== "function") {
      throw new TypeError(`signal must be an AbortSignal, not ${shown(signal)}`);
    }
    if (onProgress !== undefined) checkFunction("onProgress", onProgress);
    // There are two chunks for every worker: one waits while the other is worked on. More would cost time, since every
    // answer wakes this thread, which takes a core from a worker (twice as many cost a tenth on two cores). Copied
    // chunks should still be in the cache.
    const most = input && sharedOrNot(input) ? 2 ** 22 : 2 ** 20;
    return { signal, onProgress, chunkElements: Math.min(most, Math.ceil(length / (2 * pool.width))) };
  };

  async function quantize(weights: unknown, options: ParallelQuantizeOptions = {}): Promise<object> {
    const request = checkQuantize(weights, options, parallelQuantizeNames);
    const { values, rows, dtype, length, extents, scheme, errors, packing } = request;
    const { quantized, scales, zeroPoints, dequantized, perChannel } = request;
    const kind = arrayKinds[dtype];
    const put = writerOf(request.views);
    const stream = new QuantizeStream(
      pool,
      {
        dtype,
        length,
        ...copiesOf(
          "weights",
          kind,
          values ? [values] : (rows as FloatArray[]).map((row) => viewOf("weights", kind, row)),
        ),
        shared: values && sharedOrNot(values),
      },
      {
        quantized: (start, codes) => {
          if (!packing) return put<AnyCodes>(quantized, start, codes);
          request.views.forEach(checkStillThere);
          packCodes(pool.engine, packing, codes as Int8Array, quantized as Uint8Array, start * packing.bits);
        },
        scales: (start, some) => put(scales, start, some),
        ...(zeroPoints && { zeroPoints: (start, some) => put<AnyCodes>(zeroPoints, start, some) }),
        ...(dequantized && { dequantized: (start, some) => put(dequantized, start, some) }),
        ...(perChannel && {
          perChannel: (start, errors) => {
            for (const name of channelErrorNames) put(perChannel[name], start, errors[name]);
          },
        }),
        shared: { quantized: sharedOrNot(quantized), packing, dequantized: dequantized && sharedOrNot(dequantized) },
      },
      { extents, scheme, figuresOf: figuresOf(errors) },
      courseOf(options, values, length),
    );
    if (packing) quantized.fill(0, -1); // its last codes may not fill the last byte
    const totals = await stream.run();
    request.views.forEach(checkStillThere);
    return quantizeResult(request, totals);
  }

  async function dequantize(source: QuantizedWeights, options: ParallelDequantizeOptions = {}): Promise<FloatArray> {
    const request = checkDequantize(source, options, parallelDequantizeNames);
    const { quantized, packing, scales, zeroPoints, extents, dequantized } = request;
    const put = writerOf(request.views);
    const wide = quantized.BYTES_PER_ELEMENT === 2;
    const unpacked = {
      async read(start: number, count: number) {
        checkStillThere(["quantized", quantized]);
        const codes = newArray("Int8Array", count);
        if (packing) unpackCodes(pool.engine, packing, quantized as Uint8Array, start * packing.bits, codes);
        return codes;
      },
    };
    const copied = () => copiesOf("quantized", wide ? "Int16Array" : "Int8Array", [quantized as CodeArray]);
    await dequantizeStream(
      pool,
      { wide, packing, ...(packing ? unpacked : copied()), shared: sharedOrNot(quantized) },
      { scales, zeroPoints },
      { dequantized: (start, some) => put(dequantized, start, some), shared: sharedOrNot(dequantized) },
      extents,
      courseOf(options, quantized, dequantized.length),
    );
    request.views.forEach(checkStillThere);
    return request.result;
  }

  return {
    workers: pool.width,
    quantize,
    dequantize,
    close: () => pool.close(),
    runner: pool,
  } as unknown as ParallelChannelwise;
}

/** Throws for an array whose memory was transferred since it was checked: its view then has no elements. */
function checkStillThere([name, view]: Named): void {
  if (view.byteLength > 0) return;
  throw new TypeError(
    `${name} was transferred or became shorter during the call; it must be left alone until the promise settles`,
  );
}

/** Writes into outputs, as long as all of the caller's still have their memory. */
function writerOf(into: readonly Named[]) {
  return <A extends FloatArray | AnyCodes>(output: A, start: number, some: A) => {
    into.forEach(checkStillThere);
    output.set(some, start);
  };
}

/** Reads rows of one length into arrays that are reused: new memory costs more than the copy. */
function copiesOf<A extends WeightArray | CodeArray>(name: string, kind: ArrayKind, rows: readonly A[]) {
  const columns = (rows[0] as A).length;
  const spare: A[] = [];
  return {
    async read(start: number, count: number): Promise<A> {
      const last = spare.pop();
      const copy = last?.length === count ? last : (newArray(kind, count) as A);
      let at = 0;
      while (at < count) {
        const row = rows[Math.floor((start + at) / columns)] as A;
        checkStillThere([name, row]);
        const from = (start + at) % columns;
        const some = row.subarray(from, from + count - at);
        copy.set(some, at);
        at += some.length;
      }
      return copy;
    },
    reuse: (copy: A) => {
      spare.push(copy);
    },
  };
}

/** The array, if workers can use its memory. */
function sharedOrNot<A extends WeightArray | AnyCodes>(array: A): A | undefined {
  // A page that is not isolated may have shared memory, but may not send it.
  return isShared(array.buffer) && globalThis.crossOriginIsolated !== false ? array : undefined;
}

function checkFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw new TypeError(`${name} must be a function, not ${shown(value)}`);
}
