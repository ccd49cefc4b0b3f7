import { type ByteSink, StoppedError, streamSink } from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import { count } from "../../format.js";
import { product } from "../../matrix.js";
import type {
  Measured,
  ModelQuestion,
  ModelQuestions,
  ModelReply,
  ModelRequest,
  Progress,
  Written,
} from "../protocol.js";
import { comparePair } from "./compare-pair.js";
import { downloadSink, removeDownloads, zipped } from "./downloads.js";
import type { GgufTypes } from "./gguf-types.js";
import { type OpenedModel, openForPage } from "./opened-model.js";

/** The most elements of a tensor to look at as a matrix: 64 MB of float32, of which the page makes several copies. */
const MAX_LOOKED_AT = 2 ** 24;

/** The milliseconds between two reports of progress. */
const PROGRESS_INTERVAL = 100;

let model: OpenedModel;

interface Answering {
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
}

const answers: {
  [T in ModelQuestion]: (
    given: ModelQuestions[T]["given"],
    answering: Answering,
  ) => ModelQuestions[T]["answer"] | Promise<ModelQuestions[T]["answer"]>;
} = {
  async open({ files }) {
    model = await openForPage(files);
    const { name, tensors } = model.description;
    if (tensors.length === 0) throw new Error(`${name} has no arrays of numbers in it.`);
    return model.description;
  },
  plan: (rules) => model.plan(rules),
  alternatives: ({ form, tensors, settings }) =>
    tensors.map((tensor) => settings.map((setting) => model.alternative(tensor, setting, form))),
  async measure({ form, wanted }, { signal, progress }) {
    const total = wanted.reduce((sum, { tensor }) => sum + bytesOf(tensor), 0);
    let measured: Measured[] = [];
    let done = 0;
    let told = performance.now();
    for (const each of wanted) {
      signal.throwIfAborted();
      measured.push({ ...each, errors: await model.measure(each.tensor, each.setting, form, { signal }) });
      done += bytesOf(each.tensor);
      if (performance.now() - told > PROGRESS_INTERVAL) {
        progress({ measured, done, total });
        measured = [];
        told = performance.now();
        await messages();
      }
    }
    progress({ measured, done, total });
    return undefined;
  },
  mix: (given) => model.mix(given),
  async look({ tensor }) {
    const { name: modelName, format, tensors } = model.description;
    const { name, shape } = tensors[tensor];
    const { values, shape: partShape } = await model.weights(tensor, MAX_LOOKED_AT);
    const part = `[${partShape.join(", ")}] of [${shape.join(", ")}]: the ${count(values.length)} weights that come first`;
    return {
      usedBy: model.usedBy(tensor),
      file: new File([writeNpy(values, partShape)], `${fileNameOf(name)}.npy`),
      of: {
        model: modelName,
        isOnnx: format === "onnx",
        tensor: name,
        part: values.length === product(shape) ? undefined : part,
      },
    };
  },
  write({ rules, handle, keepsEarlier = false }, { signal, progress }) {
    const options = { signal, onProgress: nowAndThen(progress) };
    return writeFiles(model.plan(rules).fileNames, { handle, keepsEarlier }, (sinks) =>
      model.write(rules, sinks, options),
    );
  },
  block: ({ tensor, block }) => model.block(tensor, block),
  types: () => typesOf(model).types,
  measureTypes: (given, { signal, progress }) =>
    typesOf(model).measure(given, { signal, onProgress: nowAndThen(progress) }),
  mixTypes: ({ place }) => typesOf(model).mix(place),
  nameGguf: ({ choice }) => typesOf(model).nameOf(choice),
  writeGguf({ choice, encoder, handle, keepsEarlier = false }, { signal, progress }) {
    const name = typesOf(model).nameOf(choice);
    return writeFiles([name], { handle, keepsEarlier }, async ([sink]) => ({
      byteLength: await typesOf(model).write(choice, encoder, sink, { signal, onProgress: nowAndThen(progress) }),
    }));
  },
  async dequantize(_, { signal, progress }) {
    await removeDownloads();
    const name = model.floatName;
    const sink = await downloadSink(name);
    await model.writeFloats(sink, { signal, onProgress: nowAndThen(progress) });
    return { name, blob: await sink.blob() };
  },
  async zip({ name, files }, { signal, progress }) {
    return { name, blob: await zipped(name, files, { signal, onProgress: nowAndThen(progress) }) };
  },
  compare: ({ pair }, { signal, progress }) => comparePair(pair, { signal, onProgress: nowAndThen(progress) }),
};

interface Destination {
  /** The file that the person has chosen; undefined for downloads. */
  readonly handle: FileSystemFileHandle | undefined;
  /** Whether the files of earlier downloads stay. */
  readonly keepsEarlier: boolean;
}

/** Writes files with these names into the one that was chosen, or for downloading. */
async function writeFiles(
  fileNames: readonly string[],
  { handle, keepsEarlier }: Destination,
  write: (sinks: readonly ByteSink[]) => Promise<{ byteLength: number; config?: string }>,
): Promise<Written> {
  if (!keepsEarlier) await removeDownloads();
  const chosen = handle && [streamSink(await handle.createWritable())];
  const downloads = chosen ? [] : await Promise.all(fileNames.map(downloadSink));
  try {
    const { byteLength, config } = await write(chosen ?? downloads);
    const blobs = await Promise.all(downloads.map((sink) => sink.blob()));
    return { byteLength, config, files: blobs.map((blob, i) => ({ name: fileNames[i], blob })) };
  } catch (error) {
    if (handle) await removeIfEmpty(handle);
    throw error;
  }
}

/** What the model can be written as. The page asks only where it can become a GGUF. */
function typesOf({ types, description }: OpenedModel): GgufTypes {
  if (types === undefined) throw new Error(`${description.name} cannot become a GGUF.`);
  return types;
}

/** Passes on some of what is told. */
function nowAndThen(progress: (progress: Progress) => void) {
  let told = 0;
  return (state: Progress) => {
    if (performance.now() - told < PROGRESS_INTERVAL) return;
    told = performance.now();
    progress(state);
  };
}

/**
 * The dialog creates the file that is chosen in it. A file that existed keeps its contents until the new ones are
 * complete.
 */
async function removeIfEmpty(handle: FileSystemFileHandle & { remove?(): Promise<void> }) {
  if ((await handle.getFile()).size === 0) await handle.remove?.();
}

function bytesOf(tensor: number): number {
  return model.description.tensors[tensor].byteLength;
}

/** A tensor's name with the characters that file systems allow. */
function fileNameOf(tensor: string): string {
  return tensor.replace(/[^\w.-]+/g, "-");
}

/** A controller for each pending question. */
const controllers = new Map<number, AbortController>();

self.addEventListener("message", async ({ data }: MessageEvent<ModelRequest>) => {
  if ("cancel" in data) {
    controllers.get(data.cancel)?.abort(new Error("cancelled"));
    return;
  }
  const { id, question, given } = data;
  const reply = (message: ModelReply) => self.postMessage(message);
  const controller = new AbortController();
  controllers.set(id, controller);
  try {
    const run = answers[question] as (
      given: unknown,
      answering: Answering,
    ) => Promise<ModelQuestions[ModelQuestion]["answer"]>;
    const { signal } = controller;
    reply({ id, answer: await run(given, { signal, progress: (progress) => reply({ id, progress }) }) });
  } catch (error) {
    reply({ id, failure: messageOf(error) });
  } finally {
    controllers.delete(id);
  }
});

/** Resolves when pending messages have been received. */
function messages(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

function messageOf(error: unknown): string {
  if (error instanceof StoppedError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
