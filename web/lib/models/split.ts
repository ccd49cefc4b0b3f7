import { checkInteger } from "../core/arguments.js";
import type { Model, Output } from "../formats/format.js";
import type { ByteSink } from "../io/bytes.js";
import { copyBytes } from "./copy-bytes.js";
import { kindOf } from "./plan.js";
import { checkRunOptions, type RunOptions, runSteps, writing } from "./run.js";

/** A file that is to be written: a part of a GGUF, or one that its parts are joined to. */
export interface GgufFile {
  /** Of the file to come. */
  readonly byteLength: number;
  /**
   * Writes it. The sink is closed when it is complete, and aborted otherwise.
   *
   * @throws {StoppedError} as `quantizeModel` does.
   */
  write(sink: ByteSink, options?: RunOptions): Promise<void>;
}

/**
 * The parts of a GGUF as llama.cpp's gguf-split cuts it, in order. Their files are to be named
 * `model-00001-of-00003.gguf` and so on, or readers do not find them.
 *
 * @param maxBytes of the tensors of a part, which are whole; wllama, which runs in a browser, needs less than 2 GB.
 * @throws {TypeError} for a model of another format.
 * @throws {RangeError} where a tensor is larger.
 */
export function splitGguf(model: Model, maxBytes: number): GgufFile[] {
  checkInteger("maxBytes", maxBytes, 1, Number.MAX_SAFE_INTEGER);
  return filesOf(model).split(maxBytes).map(fileOf);
}

/**
 * One file of all parts of a GGUF: the one that was split, byte for byte.
 *
 * @throws {TypeError} for a model of another format.
 */
export function joinGguf(model: Model): GgufFile {
  return fileOf(filesOf(model).joined());
}

function filesOf(model: Model) {
  const { ggufFiles } = kindOf(model);
  if (ggufFiles === undefined) throw new TypeError(`${model.name} is not a GGUF file`);
  return ggufFiles;
}

function fileOf(output: Output): GgufFile {
  return {
    byteLength: output.byteLength,
    write: (sink, options = {}) =>
      writing(sink, async () => {
        checkRunOptions(options);
        const { begin, steps, end } = output.work(sink, undefined);
        await begin();
        const copies = steps.flatMap((step) => ("copy" in step ? [step] : []));
        await runSteps(
          copies.map(({ tensor, byteLength, copy, write }) => ({
            ...{ tensor, byteLength },
            run: (course) => copyBytes(copy, write, course),
          })),
          options,
        );
        await end();
      }),
  };
}
