import { load, NonFiniteError } from "channelwise";
import { TextError } from "channelwise/files";
import type { Failure, Reply, Request, Task, Tasks } from "./protocol.js";
import { elementName, type Quantization, quantization } from "./quantization.js";
import { takeAway } from "./take-away.js";
import { readTensor, type Tensor } from "./tensor.js";
import { cellsIn, scaleRows } from "./windows.js";

let tensor: Tensor | undefined;
let current: Quantization | undefined;

const tasks: {
  [T in Task]: (given: Tasks[T]["given"], progress: (stage: string) => void) => Promise<Tasks[T]["answer"]>;
} = {
  async open(source, progress) {
    progress("Reading");
    const read = await readTensor(source);
    if (read.shape.includes(0))
      throw new Error(`Shape [${read.shape.join(", ")}] has no elements; there is nothing to quantize.`);
    tensor = read;
    return { name: read.name, shape: read.shape, layout: read.layout, stored: read.stored };
  },
  async quantize(settings, progress) {
    const channelwise = await load();
    current = quantization(channelwise, opened(tensor), settings, progress);
    return current.summary;
  },
  async cells({ table, window }) {
    return cellsIn(opened(current), table, window);
  },
  async scales({ first, count }) {
    return scaleRows(opened(current), first, count);
  },
  async save({ what, as }, progress) {
    progress("Writing the file");
    return takeAway(opened(current), what, as);
  },
};

function opened<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("Nothing is open.");
  return value;
}

// One task after another: the next may need what the one before has opened.
let last = Promise.resolve();
self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
  last = last.then(() => answer(data));
});

async function answer({ id, task, given }: Request) {
  const reply = (message: Reply) => self.postMessage(message);
  try {
    const run = tasks[task] as (given: unknown, progress: (stage: string) => void) => Promise<Tasks[Task]["answer"]>;
    const result = await run(given, (progress) => reply({ id, progress }));
    reply({ id, answer: result });
  } catch (error) {
    reply({ id, failure: failureOf(error) });
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof TextError) return { message: error.message, range: error.range };
  if (error instanceof NonFiniteError && tensor !== undefined) {
    const element = elementName(error.index, tensor.shape);
    return { message: `Element ${element} is ${error.value}; weights must be finite. Replace it before quantizing.` };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RangeError && /alloc|array length/i.test(message)) {
    return { message: `This browser tab has not enough memory for it (${message}).` };
  }
  return { message };
}
