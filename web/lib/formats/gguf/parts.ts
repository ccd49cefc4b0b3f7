import { FormatError } from "../../core/errors.js";
import type { ByteSource } from "../../io/bytes.js";
import { partOf } from "../../io/sources.js";
import type { FormatInput } from "../format.js";
import { type Header, readHeader, type TensorEntry } from "./header.js";
import { type GgufKey, integerOf } from "./keys.js";

// The parts of a model, named and numbered as by llama.cpp's gguf-split. The first has the keys of the model; every
// part has its number, the number of parts, and the number of tensors in all of them.

export const SPLIT_NUMBER = "split.no";
export const SPLIT_COUNT = "split.count";
export const SPLIT_TENSORS = "split.tensors.count";
export const splitKeys: readonly string[] = [SPLIT_NUMBER, SPLIT_COUNT, SPLIT_TENSORS];

/** A tensor of a GGUF and its bytes. */
export interface GgufTensor extends Omit<TensorEntry, "offset"> {
  readonly data: ByteSource;
}

/** The contents of a model's files, without the keys that number its parts. */
export interface GgufContents {
  readonly name: string;
  readonly version: number;
  /** The keys, without those that number parts. */
  readonly keys: readonly GgufKey[];
  readonly alignment: number;
  readonly tensors: readonly GgufTensor[];
}

interface Part {
  readonly source: ByteSource;
  readonly header: Header;
}

/** Names such as "model-00002-of-00005.gguf" count parts from 1; their keys count from 0. */
export function partName(stem: string, number: number, count: number): string {
  const five = (value: number) => String(value).padStart(5, "0");
  return `${stem}-${five(number + 1)}-of-${five(count)}.gguf`;
}

/** The name without number and ending; undefined for a name that is not that of a part. */
function stemOf(name: string): string | undefined {
  return /^(.*)-\d{5}-of-\d{5}\.gguf$/i.exec(name)?.[1];
}

/** Such as "2 of 5"; undefined for a name that is not that of one of several parts. */
function partOfName(name: string): string | undefined {
  const [, number, count] = /-(\d{5})-of-(\d{5})\.gguf$/i.exec(name) ?? [];
  return Number(count) > 1 ? `${Number(number)} of ${Number(count)}` : undefined;
}

/**
 * Reads the headers of a model's file or of all its parts. Where only one part is given, `openNamed` finds the others.
 *
 * @throws {FormatError} for a malformed file, and where the parts are not those of one model.
 */
export async function readParts({ files, openNamed }: Pick<FormatInput, "files" | "openNamed">): Promise<GgufContents> {
  const given: Part[] = [];
  for (const source of files) given.push({ source, header: await readHeader(source) });
  const [one] = given;
  const count = integerOf(one.header.keys, SPLIT_COUNT) ?? 0;
  if (count <= 1) {
    if (given.length > 1) fail(given[1].source, "it is not a part of a split model: give one model at a time");
    const named = partOfName(one.source.name);
    if (named !== undefined) {
      fail(
        one.source,
        `its name says that it is part ${named}, and it has no key ${SPLIT_COUNT} above 1: make the parts again with gguf-split, or give a whole model another name`,
      );
    }
    return contentsOf(one.source.name, [one]);
  }
  if (given.length > 1) return contentsOf(one.source.name, inOrder(given, count));
  const stem = stemOf(one.source.name);
  if (stem === undefined) {
    return fail(one.source, `it is one of ${count} parts; its name must look like ${partName("model", 0, count)}`);
  }
  const number = integerOf(one.header.keys, SPLIT_NUMBER);
  const others: Part[] = [];
  for (let i = 0; i < count; i++) {
    if (i === number) continue;
    const source = await openNamed(partName(stem, i, count), one.source);
    others.push({ source, header: await readHeader(source) });
  }
  return contentsOf(one.source.name, inOrder([one, ...others], count));
}

/** Sorts parts by their numbers, each of which must be there once. */
function inOrder(parts: readonly Part[], count: number): Part[] {
  const sorted: Part[] = [];
  for (const part of parts) {
    const { keys } = part.header;
    const number = integerOf(keys, SPLIT_NUMBER) ?? -1;
    const said = integerOf(keys, SPLIT_COUNT) ?? 0;
    const first = parts[0].source.name;
    if (said !== count)
      fail(part.source, `it is one of ${said} parts, and ${first} is one of ${count}: they belong to different models`);
    if (number < 0 || number >= count) fail(part.source, `its number is ${number}; it must be 0 to ${count - 1}`);
    if (sorted[number] !== undefined) fail(part.source, `${sorted[number].source.name} has the number ${number} too`);
    sorted[number] = part;
  }
  for (let i = 0; i < count; i++) {
    if (sorted[i] === undefined) fail(parts[0].source, `part ${i + 1} of ${count} is missing; give all of them`);
  }
  return sorted;
}

function contentsOf(name: string, parts: readonly Part[]): GgufContents {
  const [{ header }] = parts;
  const tensors: GgufTensor[] = [];
  const fileOf = new Map<string, string>();
  for (const { source, header } of parts) {
    for (const { offset, ...entry } of header.tensors) {
      const other = fileOf.get(entry.name);
      if (other !== undefined) fail(source, `${other} has a tensor of this name too`, entry.name);
      fileOf.set(entry.name, source.name);
      tensors.push({ ...entry, data: partOf(source, offset, entry.byteLength) });
    }
  }
  const said = parts.length > 1 ? integerOf(header.keys, SPLIT_TENSORS) : undefined;
  if (said !== undefined && said !== tensors.length) {
    const found = `the ${parts.length} parts have ${tensors.length}`;
    fail(
      parts[0].source,
      `it says that the model has ${said} tensors, and ${found}: one of them belongs to another model`,
    );
  }
  const keys = header.keys.filter((key) => !splitKeys.includes(key.name));
  return { name, version: header.version, keys, alignment: header.alignment, tensors };
}

function fail({ name: file }: ByteSource, reason: string, tensor?: string): never {
  throw new FormatError({ file, offset: 0, reason, tensor });
}
