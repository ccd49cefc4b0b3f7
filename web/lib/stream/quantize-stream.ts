import { checkDimensions, checkSize, type FloatArray, type WeightArray } from "../core/arguments.js";
import {
  type FiguresOf,
  type GivenScales,
  judgeSweep,
  rangeLength,
  type Scaled,
  scalesOf,
  sweepsOf,
} from "../core/engine.js";
import { changedError } from "../core/errors.js";
import { cutFor } from "../core/memory/buffers.js";
import type { Part } from "../core/memory/cut.js";
import { extentsOf, type TensorExtents } from "../core/memory/extents.js";
import { readFigures } from "../core/memory/figures.js";
import { joinedRows } from "../core/memory/staging.js";
import { bytesPer, newArray } from "../core/outputs.js";
import { checkErrors, figuresOf, nonFiniteError } from "../core/requests.js";
import { codeKind, type Scheme, type SchemeOptions, schemeOf } from "../core/scheme.js";
import type { TotalErrors } from "../core/types.js";
import { rowsIn, weightsOfChunk, writeChunk } from "./chunks.js";
import type { Course } from "./course.js";
import type { CodesPlace, ResultSink, WeightSource } from "./ends.js";
import { fileRows } from "./file-rows.js";
import { addPanel, PanelSums } from "./panel-sums.js";
import { nothing, Pipeline } from "./pipeline.js";
import { type Chunk, chunkElementsFor, type Region, regionsOf } from "./regions.js";
import type { Runner } from "./runner.js";
import type { CodesFile, QuantizeDone, TaskWeights } from "./tasks.js";

/** That is 32 MB of float32, and as much again of what passes twice. */
const defaultHeldElements = 2 ** 23;

export interface StreamOptions extends Course, SchemeOptions {
  readonly shape: readonly number[];
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
  const shape = checkDimensions(options.shape);
  checkSize(shape, source.length);
  const scheme = schemeOf(options, shape);
  const { errors = "total" } = options;
  checkErrors(errors);
  const extents = extentsOf(shape, scheme.axis, scheme.granularity);
  const job = { extents, scheme, figuresOf: figuresOf(errors) };
  const totals = await new QuantizeStream(runner, source, sink, job, {
    heldElements: defaultHeldElements,
    ...options,
  }).run();
  const { bits, rule, axis, granularity } = scheme;
  return { shape, axis, bits, rule, granularity, scaleShape: extents.scaleShape, ...totals };
}

/** What to make, checked. */
interface Job {
  readonly extents: TensorExtents;
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
    this.#part = cutFor(runner.engine, job.extents, source.dtype === "float64");
    this.#chunkElements = chunkElementsFor(this.#part, course.chunkElements);
    const heldChunks = Math.floor((heldElements ?? 0) / this.#chunkElements);
    const weightsFile = runner.hasFiles ? source.file : undefined;
    this.#codesFile = runner.hasFiles ? sink.file : undefined;
    this.#keptChunks = source.shared || weightsFile ? 0 : heldChunks;
    // Each worker has a task waiting while it works on another; meanwhile one is read and one is written. What workers read
    // and write themselves is not held here.
    const width = 2 * runner.width + 2;
    const isHeld = heldElements !== undefined && !(weightsFile && this.#codesFile);
    const held = isHeld ? Math.min(width, heldChunks) : width;
    this.#pipeline = new Pipeline(Math.max(held, runner.width + 2), signal); // no worker is left without work
  }

  /** Gives the totals, where figures are made. */
  async run(): Promise<TotalErrors | undefined> {
    try {
      for (const region of regionsOf(this.#part, this.#chunkElements)) {
        if (region.whole) await this.#quantizeAtOnce(region);
        else await this.#sweepAgain(region);
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
          if (done.zeroPoints) await this.#sink.zeroPoints?.(scale, done.zeroPoints);
          if (done.perChannel) await this.#sink.perChannel?.(scale, done.perChannel);
          await this.#write(chunk, done);
          this.#progress(chunk, 1);
        },
      );
    }
  }

  /** Begins what a region of several chunks needs: a sweep that finds the ranges, those of a search, and one that quantizes. */
  async #sweepAgain({ scale, start, part, chunks }: Region): Promise<void> {
    const { scheme, figuresOf } = this.#job;
    const { engine } = this.#runner;
    const { dtype } = this.#source;
    const length = rangeLength(engine, dtype, scheme) * part.channels;
    const newRanges = (): FloatArray => newArray(dtype === "float64" ? "Float64Array" : "Float32Array", length);
    // The ranges of the first sweep, and of the last, which may read other weights.
    const [ranges, rangesAgain] = [newRanges(), newRanges()];
    const sweeps = sweepsOf(engine, dtype, scheme);
    const share = 1 / (sweeps + 2);
    let scaled: Scaled | undefined;
    /** The first chunks, which are kept from one sweep to the next. */
    const kept: WeightArray[] = [];
    const keep = (place: number, used: WeightArray | undefined) => {
      if (used && place < this.#keptChunks) kept[place] = used;
      else this.#reuse(used);
    };
    const again = async (place: number, chunk: Chunk, ready: Promise<void>) => {
      const read = place < this.#keptChunks ? undefined : await this.#read(chunk); // before the sweep before has ended
      await ready;
      return read ?? joinedRows(kept[place] as WeightArray, chunk.part);
    };
    let place = 0;
    for (const chunk of chunks()) {
      await this.#pipeline.room();
      const ownPlace = place++;
      this.#pipeline.add(
        async () => {
          const weights = await this.#read(chunk);
          return this.#runner.run({ kind: "ranges", dtype, part: chunk.part, scheme, weights });
        },
        ({ ranges: ofChunk, used }) => {
          keep(ownPlace, used);
          raise(ranges, ofChunk);
          this.#progress(chunk, share);
        },
      );
    }
    await this.#pipeline.room();
    let ready = this.#pipeline.add(nothing, async () => {
      scaled = scalesOf(engine, ranges, dtype, scheme);
      if (!scaled) throw await this.#nonFinite(start);
    });
    for (let sweep = 0; sweep < sweeps; sweep++) {
      const sums = new Float64Array(engine.places.sweepSums * part.channels);
      place = 0;
      for (const chunk of chunks()) {
        await this.#pipeline.room();
        const [ownPlace, before] = [place++, ready];
        this.#pipeline.add(
          async () => {
            const weights = await again(ownPlace, chunk, before);
            const { searches } = scaled as Scaled;
            return this.#runner.run({ kind: "sweep", dtype, part: chunk.part, scheme, weights, sweep, searches });
          },
          ({ sums: ofChunk, used }) => {
            keep(ownPlace, used);
            for (let i = 0; i < sums.length; i++) (sums[i] as number) += ofChunk[i] as number;
            this.#progress(chunk, share);
          },
        );
      }
      await this.#pipeline.room();
      ready = this.#pipeline.add(nothing, () => judgeSweep(engine, scaled as Scaled, sweep, sums, dtype, scheme));
    }
    await this.#pipeline.room();
    ready = this.#pipeline.add(nothing, async () => {
      const { values, zeroPoints } = scaled as Scaled;
      await this.#sink.scales(scale, values.slice());
      if (zeroPoints) await this.#sink.zeroPoints?.(scale, zeroPoints.slice());
    });
    const sums = new PanelSums(engine, part, figuresOf);
    place = 0;
    for (const chunk of chunks()) {
      await this.#pipeline.room();
      const ownPlace = place++;
      this.#pipeline.add(
        async () => {
          const weights = await again(ownPlace, chunk, ready);
          const { values, cover, zeroPoints } = scaled as Scaled;
          return this.#quantize(chunk, weights, { values, cover, zeroPoints });
        },
        async (done) => {
          this.#reuse(done.used);
          if (done.ranges) raise(rangesAgain, done.ranges);
          sums.add(chunk.part, done.figures);
          await this.#write(chunk, done);
          this.#progress(chunk, share);
        },
      );
    }
    await this.#pipeline.room();
    this.#pipeline.add(nothing, async () => {
      if (!ranges.every((range, i) => range === rangesAgain[i])) throw changedError();
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
      quantized: file
        ? codesIn(file, chunk, scheme)
        : shared?.quantized && rowsIn(shared.quantized, chunk, shared.packing),
      dequantized: shared?.dequantized && rowsIn(shared.dequantized, chunk),
    });
  }

  #read(chunk: Chunk): Promise<TaskWeights["weights"]> {
    return weightsOfChunk(this.#runner, this.#source, chunk);
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

  /** The error for the first weight that is not finite. There is one, and none before `start`. */
  async #nonFinite(start: number): Promise<Error> {
    const { length, dtype, shared } = this.#source;
    for (let at = start; at < length; at += this.#chunkElements) {
      const count = Math.min(this.#chunkElements, length - at);
      const some = shared?.subarray(at, at + count) ?? (await this.#source.read(at, count));
      const error = nonFiniteError(some, dtype, this.#job.extents, at);
      if (error) return error;
    }
    return changedError();
  }
}

function codesIn(place: CodesPlace, chunk: Chunk, scheme: Scheme): CodesFile {
  const { packing } = place;
  const bytesEach = packing ? packing.bits / 8 : bytesPer[codeKind(scheme)];
  return { ...fileRows(place, chunk, bytesEach), packing };
}

/** NaN on either side wins. */
function raise(ranges: FloatArray, others: FloatArray): void {
  for (let i = 0; i < ranges.length; i++) ranges[i] = Math.max(ranges[i] as number, others[i] as number);
}
