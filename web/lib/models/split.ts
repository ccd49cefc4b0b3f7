import { checkInteger } from "../core/arguments.js";
import type { Model } from "../formats/format.js";
import type { Output } from "../formats/output.js";
import type { ByteSink } from "../io/bytes.js";
import { copyBytes } from "./copy-bytes.js";
import { kindOf } from "./plan.js";
import { checkRunOptions, type RunOptions, runSteps, writing } from "./run.js";

/** A GGUF file to be written: a part of a model, or one that joins its parts. */
export interface GgufFile {
  /** The size of the file in bytes. */
  readonly byteLength: number;
  /**
   * Writes the file. The sink is closed when it is complete, and aborted otherwise.
   *
   * @throws {StoppedError} as `quantizeModel` does.
   */
  write(sink: ByteSink, options?: RunOptions): Promise<void>;
}

/**
 * Splits a GGUF into parts, in order, as llama.cpp's gguf-split does. Readers find the files only by names such as
 * `model-00001-of-00003.gguf`.
 *
 * @param maxBytes the most bytes of tensors in a part, which holds whole tensors. wllama, which runs in a browser,
 * needs less than 2 GB.
 * @throws {TypeError} for a model of another format.
 * @throws {RangeError} where a tensor is larger.
 */
export function splitGguf(model: Model, maxBytes: number): GgufFile[] {
  checkInteger("maxBytes", maxBytes, 1, Number.MAX_SAFE_INTEGER);
  return filesOf(model)
    .split(maxBytes)
    .map((output) => fileOf(model, output));
}

/**
 * Joins the parts of a GGUF into one file, which equals the one that was split, byte for byte.
 *
 * @throws {TypeError} for a model of another format.
 */
export function joinGguf(model: Model): GgufFile {
  return fileOf(model, filesOf(model).joined());
}

function filesOf(model: Model) {
  const { ggufFiles } = kindOf(model);
  if (ggufFiles === undefined) throw new TypeError(`${model.name} is not a GGUF file`);
  return ggufFiles;
}

function fileOf(model: Model, output: Output): GgufFile {
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
        await model.checkUnchanged?.();
        await end();
      }),
  };
}
