import { FormatError } from "../core/errors.js";
import type { ByteSource } from "./bytes.js";

/** The number of first bytes that usually tell text from anything else. */
const FIRST_BYTES = 8;
/** The number of first bytes that tell the kind of text. */
const TELLING_BYTES = 256;

/**
 * What a file contains if a download went wrong, such as a web page; undefined for any other contents.
 *
 * @param start the file's first bytes: TELLING_BYTES at least, or the whole file.
 */
export function notTheFile(start: Uint8Array): string | undefined {
  const text = textOf(start);
  if (/^version https?:\/\/(git-lfs|hawser)\.github\.com\//.test(text)) {
    return "this is a Git LFS pointer, which stands for the file: run git lfs pull, or download the file itself";
  }
  const isPage = /^<(!doctype html|html|head|body|script|!--)/i.test(text) || (isXml(text) && /<html/i.test(text));
  if (isPage) return "this is a web page, such as one that asks to sign in: download the file itself";
  if (isXml(text)) return "this is XML, such as a server's answer that it has no such file: download the file itself";
  return undefined;
}

/**
 * @throws {FormatError} for a file that holds a Git LFS pointer or a web page instead of its contents, or any text
 * under a binary's name.
 */
export async function refuseNotTheFile(source: ByteSource): Promise<void> {
  const { name: file, size } = source;
  if (!isText(await source.read(0, Math.min(size, FIRST_BYTES)))) return;
  const start = await source.read(0, Math.min(size, TELLING_BYTES));
  const isBinary = /\.(safetensors|npy|npz|onnx)$/i.test(file) && isText(start.subarray(0, 64));
  const reason =
    notTheFile(start) ?? (isBinary ? `this is text (${firstLine(start)}): download the file itself` : undefined);
  if (reason !== undefined) throw new FormatError({ file, offset: 0, reason });
}

function isText(start: Uint8Array): boolean {
  return start.length > 0 && /^[\t\n\v\f\r -~]*$/.test(textOf(start));
}

function firstLine(start: Uint8Array): string {
  return JSON.stringify(
    textOf(start)
      .slice(0, 64)
      .split(/[\r\n]/)[0],
  );
}

/** The bytes as Latin-1, in which every byte is valid. */
function textOf(start: Uint8Array): string {
  const bytes = new Uint8Array(start.subarray(0, TELLING_BYTES)); // decoders refuse shared memory
  return new TextDecoder("latin1")
    .decode(bytes)
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart();
}

function isXml(text: string): boolean {
  return /^<\?xml\b/i.test(text);
}
