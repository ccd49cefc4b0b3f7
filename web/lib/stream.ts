import { type CodeArray, checkBits, checkShape, type FloatArray, type WeightArray } from "./arguments.js";
import { readChunk, rowsIn, writeChunk } from "./chunks.js";
import { cutFor, type FiguresOf, type GivenScales, joinedRows, toScales } from "./engine.js";
import { readFigures } from "./figures.js";
import { type FilePlace, fileRows } from "./file-rows.js";
import { bytesPer, newArray } from "./outputs.js";
import type { PackedBits } from "./pack-words.js";
import { blockSize, type Chunk, type Region, regionsOf } from "./parts.js";
import { Pipeline } from "./pipeline.js";
import { makePlan, type Part, type Plan } from "./plan.js";
import { checkErrors, checkLayout, figuresOf, nonFiniteError } from "./requests.js";
import type { Runner } from "./runner.js";
import { codeKind, type Scheme } from "./scheme.js";
import { addPanel, PanelSums } from "./sums.js";
import type { CodesFile, QuantizeDone, TaskWeights } from "./tasks.js";
import type { ChannelErrors, Granularity, QuantizeOptions, TotalErrors } from "./types.js";
import { arrayKinds, type Dtype } from "./weights.js";

/** Weights that are read when they are wanted. */
export interface WeightSource {
  readonly dtype: Dtype;
  readonly length: number;
  /**
   * `count` weights from `start` on, in row-major order, over a buffer of their own, which is then handed over. A
   * Uint16Array for float16 and bfloat16.
   */
  read(start: number, count: number): Promise<WeightArray>;
  /** Gives back an array that was read, when it is done with, for another read. */
  reuse?(array: WeightArray): void;
  /** All of them, where they lie in a SharedArrayBuffer; they are then used in place. */
  readonly shared?: WeightArray | undefined;
  /** The place of the first one in a file, row-major and in this machine's order of bytes: workers may read them there. */
  readonly file?: FilePlace | undefined;
}

/**
 * Takes results when they are made: one call after the other, each awaited. Places ascend, but where the rows of a
 * tensor are too long for a chunk: its results come in strips of channels.
 */
export interface ResultSink {
  quantized(start: number, codes: CodeArray): Promise<void> | void;
  scales(start: number, scales: FloatArray): Promise<void> | void;
  /** If it is there, the dequantized weights are made. */
  dequantized?(start: number, values: FloatArray): Promise<void> | void;
  /** With errors: "channel". Places are those of the scales. */
  perChannel?(start: number, errors: ChannelErrors): Promise<void> | void;
  /** Arrays of all results in a SharedArrayBuffer, which are filled in place instead. */
  readonly shared?: { readonly quantized?: CodeArray | undefined; readonly dequantized?: FloatArray | undefined };
  /** The place of the first code in a file: workers may write codes there, instead of their going to `quantized`. */
  readonly file?: CodesPlace | undefined;
}

export interface CodesPlace extends FilePlace {
  /** Codes are packed so. All that is made at a time must fill whole words. */
  readonly packed?: PackedBits | undefined;
}

/** A few MB, so that several fit the memory, and far more than a block. */
export const defaultChunkElements = 2 ** 20;

/** 32 MB of float32, and as much again of what passes twice. */
const defaultHeldElements = 2 ** 23;

export interface Course {
  /** Ends everything; the promise is rejected with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told how many weights of all are done. Where they pass twice, passing once is half of it. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Weights that are read and sent to a worker at a time. */
  readonly chunkElements?: number | undefined;
  /**
   * The most weights that are under way at a time, and of those that pass twice the most that are kept in memory in between.
   * When not given, there is no limit and nothing is kept. Nothing is kept either of what workers read from a file.
   */
  readonly heldElements?: number | undefined;
}

export interface StreamOptions extends Course {
  readonly shape: readonly number[];
  readonly axis?: QuantizeOptions["axis"] | undefined;
  readonly bits?: QuantizeOptions["bits"] | undefined;
  /** In which scales are stored: they are rounded to it before codes and error figures are made of them. */
  readonly scaleType?: Dtype | undefined;
  readonly granularity?: Granularity | undefined;
  /** False makes no error figures. */
  readonly errors?: "total" | "channel" | false | undefined;
}

/**
 * Quantizes weights of any number in little memory. The results are those of `quantize`, to the last bit, but where scales
 * are rounded to the type in which they are stored.
 *
 * When the promise settles, nothing is read, computed or written any more.
 *
 * @throws {NonFiniteError} for NaN or an infinity in the weights, the signal's reason, and what source and sink throw.
 */
export async function quantizeStream(runner: Runner, source: WeightSource, sink: ResultSink, options: StreamOptions) {
  const shape = checkShape(options.shape, source.length);
  const { axis, granularity } = checkLayout(options, shape);
  const bits = checkBits(options.bits === undefined ? 8 : options.bits);
  const { errors = "total", scaleType } = options;
  checkErrors(errors);
  const plan = makePlan(shape, axis, granularity);
  const job = { plan, scheme: { bits, scaleType }, figuresOf: figuresOf(errors) };
  const totals = await new QuantizeStream(runner, source, sink, job, {
    heldElements: defaultHeldElements,
    ...options,
  }).run();
  return { shape, axis, bits, granularity, scaleShape: plan.scaleShape, ...totals };
}

/**
 * Weights to read at a time: where they are rows of columns, all columns of a block's rows, since reading rows in strips
 * takes many times as long.
 */
function chunkElementsFor({ outer, channels, inner, blockRows }: Part): number {
  const band = outer > 1 ? blockRows * channels * inner : 0;
  return Math.max(defaultChunkElements, Math.min(4 * defaultChunkElements, band));
}

/** What to make, checked. */
interface Job {
  readonly plan: Plan;
  readonly scheme: Scheme;
  readonly figuresOf: FiguresOf;
}

export class QuantizeStream {
  readonly #runner: Runner;
  readonly #source: WeightSource;
  readonly #sink: ResultSink;
  readonly #job: Job;
  readonly #onProgress: Course["onProgress"];
  readonly #part: Part;
  readonly #chunkElements: number;
  readonly #keptChunks: number;
  readonly #weightsFile: FilePlace | undefined;
  readonly #codesFile: CodesPlace | undefined;
  readonly #pipeline: Pipeline;
  readonly #total: Float64Array;
  #passed = 0;

  constructor(runner: Runner, source: WeightSource, sink: ResultSink, job: Job, course: Course) {
    const { signal, onProgress, heldElements } = course;
    this.#runner = runner;
    this.#source = source;
    this.#sink = sink;
    this.#job = job;
    this.#onProgress = onProgress;
    this.#total = new Float64Array(runner.engine.places.figuresLength);
    this.#part = cutFor(runner.engine, job.plan, source.dtype === "float64");
    const { chunkElements = chunkElementsFor(this.#part) } = course;
    this.#chunkElements = Math.max(chunkElements, blockSize(this.#part));
    const heldChunks = Math.floor((heldElements ?? 0) / this.#chunkElements);
    this.#weightsFile = runner.hasFiles ? source.file : undefined;
    this.#codesFile = runner.hasFiles ? sink.file : undefined;
    this.#keptChunks = source.shared || this.#weightsFile ? 0 : heldChunks;
    // Each worker has a task waiting while it works on another; meanwhile one is read and one is written. What workers read
    // and write themselves is not held here.
    const width = 2 * runner.width + 2;
    const isHeld = heldElements !== undefined && !(this.#weightsFile && this.#codesFile);
    const held = isHeld ? Math.min(width, heldChunks) : width;
    this.#pipeline = new Pipeline(Math.max(held, runner.width + 2), signal); // no worker is left without work
  }

  /** Gives the totals, where figures are made. */
  async run(): Promise<TotalErrors | undefined> {
    try {
      for (const region of regionsOf(this.#part, this.#chunkElements)) {
        if (region.whole) await this.#quantizeAtOnce(region);
        else await this.#sweepTwice(region);
      }
      await this.#pipeline.finished();
    } finally {
      await this.#pipeline.quiet();
    }
    if (this.#job.figuresOf === "nothing") return undefined;
    return readFigures(this.#runner.engine.places, this.#total, 0, this.#source.length);
  }

  /** Begins what a region of one chunk needs. */
  async #quantizeAtOnce({ scale, start, chunks }: Region): Promise<void> {
    for (const chunk of chunks()) {
      await this.#pipeline.room();
      this.#pipeline.add(
        async () => this.#quantize(chunk, await this.#read(chunk)),
        async (done) => {
          this.#reuse(done.used);
          if (!done.finite) throw await this.#nonFinite(start);
          this.#addPanels(done.figures);
          await this.#sink.scales(scale, done.scales);
          if (done.perChannel) await this.#sink.perChannel?.(scale, done.perChannel);
          await this.#write(chunk, done);
          this.#progress(chunk, 1);
        },
      );
    }
  }

  /** Begins what a region of several chunks needs: a sweep that finds the ranges, and one that quantizes. */
  async #sweepTwice({ scale, start, part, chunks }: Region): Promise<void> {
    const { scheme, figuresOf } = this.#job;
    const { engine } = this.#runner;
    const { dtype } = this.#source;
    // The largest |weight| of every channel, then its scale.
    const state: FloatArray = newArray(dtype === "float64" ? "Float64Array" : "Float32Array", part.channels);
    let scales: GivenScales | undefined;
    /** The first chunks, from one sweep to the next. */
    const kept: WeightArray[] = [];
    for (const chunk of chunks()) {
      await this.#pipeline.room();
      this.#pipeline.add(
        async () => this.#runner.run({ kind: "ranges", dtype, part: chunk.part, weights: await this.#read(chunk) }),
        ({ largest, used }) => {
          if (used && kept.length < this.#keptChunks) kept.push(used);
          else this.#reuse(used);
          // NaN on either side wins.
          for (let c = 0; c < state.length; c++) state[c] = Math.max(state[c] as number, largest[c] as number);
          this.#progress(chunk, 0.5);
        },
      );
    }
    await this.#pipeline.room();
    const scaled = this.#pipeline.add(nothing, async () => {
      scales = toScales(engine, state, dtype, scheme);
      if (!scales) throw await this.#nonFinite(start);
      await this.#sink.scales(scale, state.slice());
    });
    const sums = new PanelSums(engine, part, figuresOf);
    let place = 0;
    for (const chunk of chunks()) {
      await this.#pipeline.room();
      const keptPlace = place++;
      this.#pipeline.add(
        async () => {
          const read = keptPlace < this.#keptChunks ? undefined : await this.#read(chunk); // before the scales are known
          await scaled;
          return this.#quantize(chunk, read ?? joinedRows(kept[keptPlace] as WeightArray, chunk.part), scales);
        },
        async (done) => {
          this.#reuse(done.used);
          sums.add(chunk.part, done.figures);
          await this.#write(chunk, done);
          this.#progress(chunk, 0.5);
        },
      );
    }
    await this.#pipeline.room();
    this.#pipeline.add(nothing, async () => {
      if (figuresOf !== "nothing") sums.addTo(this.#total);
      if (figuresOf === "channels") await this.#sink.perChannel?.(scale, sums.perChannel());
    });
  }

  #addPanels(figures: Float64Array): void {
    const { engine } = this.#runner;
    const { figuresLength } = engine.places;
    for (let at = 0; at < figures.length; at += figuresLength) {
      addPanel(engine, this.#total, figures.subarray(at, at + figuresLength));
    }
  }

  #quantize(chunk: Chunk, weights: TaskWeights["weights"], scales?: GivenScales): Promise<QuantizeDone> {
    const { scheme, figuresOf } = this.#job;
    const { shared, dequantized } = this.#sink;
    const file = this.#codesFile;
    return this.#runner.run({
      kind: "quantize",
      dtype: this.#source.dtype,
      part: chunk.part,
      scheme,
      figuresOf,
      weights,
      ...(scales && { scales }),
      dequantize: dequantized !== undefined,
      quantized: file ? codesIn(file, chunk, scheme) : shared?.quantized && rowsIn(shared.quantized, chunk),
      dequantized: shared?.dequantized && rowsIn(shared.dequantized, chunk),
    });
  }

  async #read(chunk: Chunk): Promise<TaskWeights["weights"]> {
    const kind = arrayKinds[this.#source.dtype];
    if (this.#weightsFile) return fileRows(this.#weightsFile, chunk, bytesPer[kind]);
    return readChunk(this.#source, chunk, kind);
  }

  #reuse(used: WeightArray | undefined): void {
    if (used && !this.#source.shared) this.#source.reuse?.(used);
  }

  async #write(chunk: Chunk, { quantized, dequantized }: QuantizeDone): Promise<void> {
    if (quantized) await writeChunk(chunk, quantized, (start, some) => this.#sink.quantized(start, some));
    if (dequantized) await writeChunk(chunk, dequantized, (start, some) => this.#sink.dequantized?.(start, some));
  }

  #progress({ count, width }: Chunk, share: number): void {
    this.#passed += count * width * share;
    this.#onProgress?.(this.#passed, this.#source.length);
  }

  /** The error for the first weight that is not finite, having been told that there is one, and none before `start`. */
  async #nonFinite(start: number): Promise<Error> {
    const { length, dtype, shared } = this.#source;
    for (let at = start; at < length; at += this.#chunkElements) {
      const count = Math.min(this.#chunkElements, length - at);
      const some = shared?.subarray(at, at + count) ?? (await this.#source.read(at, count));
      const error = nonFiniteError(some, dtype, this.#job.plan, at);
      if (error) return error;
    }
    return new Error("a weight was not finite and then was: weights must not change while they are quantized");
  }
}

function codesIn(place: CodesPlace, chunk: Chunk, scheme: Scheme): CodesFile {
  const { packed } = place;
  const bytesEach = packed ? packed / 8 : bytesPer[codeKind(scheme)];
  return { ...fileRows(place, chunk, bytesEach), packed };
}

/** For what has to be done in its turn alone. */
async function nothing(): Promise<void> {}
