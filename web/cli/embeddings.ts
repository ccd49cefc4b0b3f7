import { join, parse } from "node:path";
import { type Embeddings, type IndexOptions, load, type Metric, type VectorRanges } from "channelwise/embeddings";
import { fileSink, printable } from "channelwise/models";
import { leaveOut, type RecallReport, recall, usualSettings } from "channelwise/recall";
import { writingOutput } from "./begun-output.js";
import { UsageError } from "./command-error.js";
import type { Context, Outcome } from "./context.js";
import { bytes, counted } from "./format.js";
import type { Values } from "./options.js";
import { checkOutputs, isFolderName, refuseExisting } from "./outputs.js";
import { InputError } from "./problems.js";
import { ProgressBar } from "./progress.js";
import { tellRecall } from "./recall-report.js";
import { styled } from "./terminal.js";
import { readVectors, type Vectors } from "./vectors-file.js";
import { wholeFile } from "./whole-file.js";

/** `channelwise embeddings` */
export async function embeddings(operands: readonly string[], values: Values, context: Context): Promise<Outcome> {
  const [path] = operands;
  const { output, force = false, json = false } = values;
  const metric = oneOf("metric", values.metric ?? "cosine", ["cosine", "dot", "euclid"]);
  const outputs = outputsOf(path, values);
  const others = [values.queries, values.ranges].filter((file) => file !== undefined);
  checkOutputs(outputs, [path, ...others]);
  if (!force) refuseExisting(outputs);

  const given = readVectors(path);
  const library = await load();
  const isReported = values.report === true || output === undefined;
  if (metric === "cosine") checkDirections(path, given);
  const ranges = rangesOf(library, given, values, path, isReported, context);
  // Before anything is measured, since it may be wrong.
  const options = output === undefined ? undefined : indexOptions(given, values, metric, ranges);
  const report = isReported ? measureRecall(library, given, values, metric, ranges, context, path) : undefined;
  if (report !== undefined && !json) tellRecall(context.stdout, report, given.dimensions);
  const written = options && (await writeIndex(library, given, options, outputs, path, context, force));
  if (written !== undefined && !json) {
    const size = `${bytes(4 * given.vectors.length)} of floats to ${bytes(written)}`;
    const name = styled(context.stdout, "bold", printable(outputs[0]));
    context.stdout.write(`${name}  ${counted(given.count, "vector")} as codes, ${size}\n`);
  }
  const { count, dimensions } = given;
  return {
    exitCode: 0,
    json: {
      input: path,
      count,
      dimensions,
      metric,
      ...(report && { report: report.map(withoutRanges) }),
      ...(written !== undefined && { output: outputs[0], bytes: written, ...(outputs[1] && { ranges: outputs[1] }) }),
    },
  };
}

/** The index, and where ranges are found also these. A folder gets an index such as "vectors-int8.index". */
function outputsOf(vectors: string, { output, precision = "int8", scaling, ranges }: Values): string[] {
  if (output === undefined) return [];
  const index = isFolderName(output) ? join(output, `${parse(vectors).name}-${precision}.index`) : output;
  return scaling === "ranges" && ranges === undefined
    ? [index, `${index.replace(/\.[^./\\]+$/, "")}-ranges.json`]
    : [index];
}

function rangesOf(
  library: Embeddings,
  { vectors, dimensions }: Vectors,
  { ranges, scaling }: Values,
  path: string,
  isReported: boolean,
  { stderr }: Context,
): VectorRanges | undefined {
  if (ranges !== undefined) {
    if (scaling !== undefined && scaling !== "ranges") {
      throw new UsageError(`--ranges are given, and --scaling is ${scaling}`);
    }
    return about(ranges, () => JSON.parse(wholeFile(ranges).toString()));
  }
  if (scaling === "ranges") return about(path, () => library.fitRanges(vectors, { dimensions }));
  // A report has them too, where there are any.
  if (!isReported || vectors.length === dimensions) return undefined;
  try {
    return library.fitRanges(vectors, { dimensions });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    stderr.write(`${printable(path)}: the report leaves out ranges: ${error.message}\n`);
    return undefined;
  }
}

function indexOptions(
  { dimensions }: Vectors,
  { precision = "int8", scaling = "row", ranges: file }: Values,
  metric: Metric,
  ranges: VectorRanges | undefined,
): IndexOptions {
  const kind = file === undefined ? oneOf("scaling", scaling, ["row", "unit", "group", "ranges"]) : "ranges";
  return {
    dimensions,
    precision: oneOf("precision", precision, ["int8", "int4", "binary"]),
    metric,
    scaling: kind === "ranges" ? (ranges as VectorRanges) : kind,
  };
}

function measureRecall(
  library: Embeddings,
  given: Vectors,
  { queries: file }: Values,
  metric: Metric,
  ranges: VectorRanges | undefined,
  { stderr, signal }: Context,
  path: string,
): RecallReport[] {
  const { dimensions } = given;
  if (file === undefined && given.count < 20) {
    const has = `${printable(path)} has ${counted(given.count, "vector")}`;
    throw new UsageError(`${has}, too few to ask for some of them; give --queries`);
  }
  const asked =
    file === undefined
      ? leaveOut(given.vectors, dimensions)
      : { others: given.vectors, queries: readQueries(file, given, metric) };
  const bar = new ProgressBar(stderr);
  const onProgress = (done: number, total: number) => {
    signal.throwIfAborted();
    bar.update(done, total, "recall");
  };
  try {
    return about(file ?? path, () =>
      recall(library, asked.others, asked.queries, usualSettings(dimensions, ranges), {
        dimensions,
        metric,
        onProgress,
      }),
    );
  } finally {
    bar.clear();
  }
}

function readQueries(file: string, { dimensions }: Vectors, metric: Metric): Float32Array {
  const queries = readVectors(file);
  if (queries.dimensions !== dimensions) {
    throw new UsageError(`${file} has vectors of ${queries.dimensions} dimensions; they must have ${dimensions}`);
  }
  if (metric === "cosine") checkDirections(file, queries);
  return queries.vectors;
}

/** Throws for vectors of zeros, by their place in their file. */
function checkDirections(path: string, { vectors, dimensions }: Vectors): void {
  for (let start = 0; start < vectors.length; start += dimensions) {
    let at = start;
    while (at < start + dimensions && vectors[at] === 0) at++;
    if (at < start + dimensions) continue;
    const reason = `vector ${start / dimensions} is zero and has no direction, which a cosine needs; take --metric dot`;
    throw new InputError(path, new RangeError(reason));
  }
}

/** Gives the bytes of the index. */
async function writeIndex(
  library: Embeddings,
  { vectors }: Vectors,
  options: IndexOptions,
  [output, rangesOutput]: readonly string[],
  path: string,
  context: Context,
  overwrite: boolean,
): Promise<number> {
  const saved = about(path, () => {
    const index = library.createIndex(options);
    index.add(vectors);
    return new Uint8Array(index.save());
  });
  const files: [string, Uint8Array<ArrayBuffer>][] = [[output, saved]];
  if (rangesOutput !== undefined) {
    files.push([rangesOutput, new TextEncoder().encode(`${JSON.stringify(options.scaling)}\n`)]);
  }
  for (const [file, contents] of files) {
    await writingOutput(file, context, async () => {
      const sink = await fileSink(file, { overwrite });
      try {
        await sink.write(0, contents);
        await sink.close();
      } catch (error) {
        await sink.abort();
        throw error;
      }
    });
  }
  return saved.length;
}

/** Says of which file an error is. */
function about<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError)) {
      throw error;
    }
    throw new InputError(path, error);
  }
}

/** Ranges are as long as the vectors, and the same for all. */
function withoutRanges({ setting, ...rest }: RecallReport): object {
  const { scaling } = setting;
  return { setting: { ...setting, ...(typeof scaling === "object" && { scaling: "ranges" }) }, ...rest };
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  if (allowed.includes(value as T)) return value as T;
  throw new UsageError(`--${option} is ${value}; it must be one of ${allowed.join(", ")}`);
}
