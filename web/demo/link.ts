import { scaleRules } from "channelwise/models";
import { count } from "./format.js";
import type { Arithmetic, GranularityName, Settings } from "./protocol.js";

/**
 * A link to the page restores settings and, if it is small, the matrix. All of this follows the #, which browsers do
 * not send to any server.
 */

/** The most characters of a matrix in a link. Chats and mails cut off longer links. */
const MAX_MATRIX = 6000;

/**
 * The most bytes of its text, which may be a thousand times as long as its deflated form. A text box holds that easily.
 */
const MAX_TEXT = 200_000;

/** The most characters after the #: the matrix, and room for settings and the name of a sample. */
const MAX_FRAGMENT = MAX_MATRIX + 1000;

export interface Linked {
  readonly settings: Partial<Settings>;
  /** The text of the matrix, or the name of a sample; neither where the weights are in a file. */
  readonly text?: string;
  readonly sample?: string;
}

/** The part of a link after the #. The text is left out if it is too long. */
export async function fragmentOf({ settings, text, sample }: Linked): Promise<{ fragment: string; isWhole: boolean }> {
  const { bits, rule, zeroPoints, granularity, axis, group, along, arithmetic } = settings;
  const fields = new URLSearchParams({
    bits: String(bits),
    ...(rule !== undefined && { rule }),
    ...(zeroPoints && { zeros: "true" }),
    scales: granularity === "group" ? `group:${group}` : String(granularity),
    axis: String(axis),
    along: String(along),
    arithmetic: String(arithmetic),
  });
  if (sample !== undefined) fields.set("sample", sample);
  const bytes = new TextEncoder().encode(text);
  const matrix = text === undefined || bytes.length > MAX_TEXT ? undefined : await packed(bytes);
  const fits = matrix !== undefined && matrix.length <= MAX_MATRIX;
  if (fits) fields.set("matrix", matrix);
  return { fragment: `#${fields}`.replaceAll("%3A", ":"), isWhole: fits || sample !== undefined };
}

const FIELDS = ["bits", "rule", "zeros", "scales", "axis", "along", "arithmetic", "sample", "matrix"];

/**
 * The contents of a link; undefined for an empty one.
 *
 * @throws {Error} for a link that is damaged, or longer than the page makes them.
 */
export async function linkedBy(fragment: string): Promise<Linked | undefined> {
  if (fragment.length > MAX_FRAGMENT) throw tooLong(`The link has ${count(fragment.length)} characters`, MAX_FRAGMENT);
  const fields = new URLSearchParams(fragment.slice(1));
  if (!FIELDS.some((name) => fields.has(name))) return undefined;
  const whole = (name: string, least: number, most: number) => {
    const value = fields.get(name);
    if (value === null) return {};
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < least || number > most) {
      throw new Error(`The link's ${name} is “${short(value)}”; it must be a whole number from ${least} to ${most}.`);
    }
    return { [name]: number };
  };
  const settings = {
    ...whole("bits", 2, 16),
    ...whole("axis", 0, 63),
    ...whole("along", 0, 63),
    ...ruleOf(fields.get("rule")),
    ...zerosOf(fields.get("zeros")),
    ...scalesOf(fields.get("scales")),
    ...arithmeticOf(fields.get("arithmetic")),
  };
  const [matrix, sample] = [fields.get("matrix"), fields.get("sample")];
  return {
    settings,
    ...(matrix === null ? {} : { text: await unpacked(matrix) }),
    ...(sample === null ? {} : { sample }),
  };
}

function ruleOf(rule: string | null): Pick<Partial<Settings>, "rule"> {
  if (rule === null) return {};
  const known = scaleRules.find((each) => each === rule);
  if (known !== undefined) return { rule: known };
  throw new Error(`The link's rule is “${short(rule)}”; it must be one of ${scaleRules.join(", ")}.`);
}

/** Links of symmetric quantization do not name zero points. */
function zerosOf(zeros: string | null): Pick<Settings, "zeroPoints"> {
  if (zeros === null || zeros === "true") return { zeroPoints: zeros !== null };
  throw new Error(`The link's zeros is “${short(zeros)}”; it must be true.`);
}

function scalesOf(scales: string | null): { granularity?: GranularityName; group?: number } {
  if (scales === null) return {};
  const group = /^group:(\d{1,15})$/.exec(scales)?.[1];
  if (group !== undefined) return { granularity: "group", group: Number(group) };
  if (scales === "channel" || scales === "tensor") return { granularity: scales };
  throw new Error(`The link's scales are “${short(scales)}”; they must be channel, tensor or group: with a size.`);
}

function arithmeticOf(arithmetic: string | null): { arithmetic?: Arithmetic } {
  if (arithmetic === null) return {};
  if (arithmetic === "float32" || arithmetic === "float64") return { arithmetic };
  throw new Error(`The link's arithmetic is “${short(arithmetic)}”; it must be float32 or float64.`);
}

/** A value of a link, cut to a length that a message can show. */
function short(value: string): string {
  return value.length > 40 ? `${value.slice(0, 40)}…` : value;
}

function tooLong(what: string, most: number): Error {
  return new Error(`${what}; this page makes and takes up to ${count(most)}. Ask for the matrix as a file.`);
}

/** Deflates text into characters that links need not escape. */
async function packed(text: Uint8Array<ArrayBuffer>): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function unpacked(matrix: string): Promise<string> {
  try {
    const letters = atob(matrix.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await readAtMost(stream, MAX_TEXT));
  } catch (error) {
    if (error instanceof TooMuch) throw tooLong(`The link's matrix has more than ${count(MAX_TEXT)} bytes`, MAX_TEXT);
    throw new Error(
      "The link's matrix is damaged: the link may have been cut off. Ask for it again, or paste the matrix.",
    );
  }
}

class TooMuch extends Error {}

/** Reads all bytes of a stream, and ends it once there are more than `most`. */
async function readAtMost(stream: ReadableStream<Uint8Array>, most: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(most);
  let length = 0;
  // Some browsers cannot iterate over a stream.
  const reader = stream.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    const part = value as Uint8Array;
    if (length + part.length > most) {
      reader.cancel().catch(() => {});
      throw new TooMuch();
    }
    bytes.set(part, length);
    length += part.length;
  }
  return bytes.subarray(0, length);
}
