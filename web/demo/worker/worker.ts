import { load, NonFiniteError } from "channelwise";
import { TextError } from "channelwise/text";
import { elementName } from "../matrix.js";
import type { Failure, Question, Questions, Reply, Request } from "../protocol.js";
import { barsOf, cellOf, distributionOf, gridOf } from "./pictures.js";
import { costOf, type Quantization, quantization } from "./quantization.js";
import { readTensor } from "./read-tensor.js";
import type { Tensor } from "./tensor.js";
import { cellsIn, scaleRows } from "./windows.js";

let tensor: Tensor | undefined;
let current: Quantization | undefined;
/** Integers that are overwritten: only the errors of other settings are asked for. */
let spare: Int8Array | Int16Array = new Int8Array();

/** Reports a stage; rejects if nobody waits for the result any more. */
type Progress = (stage: string) => Promise<void>;

const answers: {
  [T in Question]: (
    given: Questions[T]["given"],
    progress: Progress,
  ) => Questions[T]["answer"] | Promise<Questions[T]["answer"]>;
} = {
  async open(source, progress) {
    await progress("Reading");
    const read = await readTensor(source);
    if (read.shape.includes(0))
      throw new Error(`Shape [${read.shape.join(", ")}] has no elements; there is nothing to quantize.`);
    tensor = read;
    current = undefined;
    return { name: read.name, shape: read.shape, layout: read.layout, notes: read.notes, stored: read.stored };
  },
  async quantize(settings, progress) {
    const channelwise = await load();
    current = await quantization(channelwise, opened(tensor), settings, progress);
    return current.summary;
  },
  async assess(settings) {
    const channelwise = await load();
    const { weights } = opened(current);
    const Codes = settings.bits <= 8 ? Int8Array : Int16Array;
    if (!(spare instanceof Codes) || spare.length !== weights.length) spare = new Codes(weights.length);
    return costOf(channelwise, opened(current), settings, spare);
  },
  map: (given) => gridOf(opened(tensor), given.map === "weights" ? current : opened(current), given),
  cell: (index) => cellOf(opened(current), index),
  async scaleErrors(index) {
    const { scaleErrorsOf } = await import("./scale-errors.js");
    return scaleErrorsOf(await load(), opened(current), index);
  },
  channels: ({ order, bars }) => barsOf(opened(current), order, bars),
  distribution: ({ channel }) => distributionOf(opened(current), channel),
  cells: ({ table, window }) => cellsIn(opened(current), table, window),
  scales: (given) => scaleRows(opened(current), given),
  async save({ what, as }, progress) {
    await progress("Writing the file");
    const { savedFile } = await import("./saved-files.js");
    return savedFile(await load(), opened(current), what, as);
  },
};

function opened<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("The worker of this page does not have these weights: open them again.");
  return value;
}

/** Requests before this one are no longer wanted. */
let firstWanted = 0;

// Questions are answered one after the other: the next may need what the one before has opened.
let last = Promise.resolve();
self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
  if ("firstWanted" in data) firstWanted = data.firstWanted;
  else last = last.then(() => answer(data));
});

async function answer({ id, question, given }: Extract<Request, { id: number }>) {
  if (id < firstWanted) return;
  const progress = async (stage: string) => {
    self.postMessage({ id, progress: stage } satisfies Reply);
    await messages();
    if (id < firstWanted) throw new Error("given up");
  };
  try {
    const run = answers[question] as (given: unknown, progress: Progress) => Promise<Questions[Question]["answer"]>;
    const result = await run(given, progress);
    // Answers are new for each question, so that their arrays can be transferred.
    const arrays = Object.values(result).filter((value) => ArrayBuffer.isView(value));
    self.postMessage({ id, answer: result } satisfies Reply, { transfer: arrays.map(({ buffer }) => buffer) });
  } catch (error) {
    self.postMessage({ id, failure: failureOf(error) } satisfies Reply);
  }
}

/** Resolves when pending messages have been received. */
function messages(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

function failureOf(error: unknown): Failure {
  if (error instanceof TextError) return { message: error.message, range: error.range };
  if (error instanceof NonFiniteError && tensor !== undefined) {
    const element = elementName(error.index, tensor.shape);
    return { message: `Element ${element} is ${error.value}; weights must be finite. Replace it before quantizing.` };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RangeError && /alloc|array length/i.test(message)) {
    return { message: `This browser tab does not have enough memory for it (${message}).` };
  }
  return { message };
}
