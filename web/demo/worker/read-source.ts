import { notTheFile } from "channelwise/models";
import { parseMatrix } from "channelwise/text";
import type { Source } from "../protocol.js";
import type { Tensor } from "./tensor.js";

export { parseMatrix };

/** Some browsers have no longer strings. */
const MAX_TEXT_BYTES = 500_000_000;

/** The tensor in a .npy file or in a text file. */
export async function readSource(source: Exclude<Source, { kind: "text" }>): Promise<Tensor> {
  const { fileName, contents } = source.kind === "file" ? await readFile(source.file) : await fetchSample(source.url);
  const other = notTheFile(new Uint8Array(contents));
  if (other !== undefined) throw new Error(`${fileName} cannot be opened: ${other}.`);
  const name = fileName.replace(/\.[^.]*$/, "") || "weights";
  if (
    fileName.toLowerCase().endsWith(".npy") ||
    new Uint8Array(contents, 0, Math.min(1, contents.byteLength))[0] === 0x93
  ) {
    const { readNpy } = await import("channelwise/npy");
    const { weights, shape } = readNpy(contents, fileName);
    if (!(weights instanceof Float32Array || weights instanceof Float64Array)) {
      throw new Error(`${fileName} holds integers, not weights: convert them with array.astype("float32").`);
    }
    const stored = weights instanceof Float64Array ? "float64" : "float32";
    // A single number has no axis for channels.
    return { values: weights, shape: shape.length === 0 ? [1] : shape, layout: stored, notes: [], stored, name };
  }
  return { ...parseMatrix(decode(contents)), stored: undefined, name };
}

async function readFile(file: File) {
  return { fileName: file.name, contents: await file.arrayBuffer() };
}

async function fetchSample(url: string) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The sample cannot be loaded: ${response.status} ${response.statusText}.`);
  return { fileName: new URL(url).pathname.split("/").at(-1) as string, contents: await response.arrayBuffer() };
}

function decode(contents: ArrayBuffer): string {
  if (contents.byteLength > MAX_TEXT_BYTES) {
    throw new Error(
      `The file has ${contents.byteLength} bytes of text; up to ${MAX_TEXT_BYTES} can be read. Save it as .npy.`,
    );
  }
  const [first, second] = new Uint8Array(contents, 0, Math.min(2, contents.byteLength));
  const encoding =
    first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8"; // "Unicode text" of spreadsheets
  const text = new TextDecoder(encoding, { ignoreBOM: true }).decode(contents);
  if (text.includes("\0"))
    throw new Error("The file is not text. Files of type .csv, .tsv, .json and .npy can be opened.");
  return text;
}
