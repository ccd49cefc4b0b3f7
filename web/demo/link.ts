import type { Arithmetic, GranularityName, Settings } from "./protocol.js";

/**
 * A link to the page that restores settings and, when small, the matrix. All of it stands behind the #, which browsers do
 * not send to any server.
 */

/** Characters of a matrix in a link; longer ones are cut off on their way through chats and mails. */
const MAX_MATRIX = 6000;

export interface Linked {
  readonly settings: Partial<Settings>;
  /** The text of the matrix, or the name of a sample; neither where the weights are in a file. */
  readonly text?: string;
  readonly sample?: string;
}

/** What stands behind the #; the text is left out where it is too long. */
export async function fragmentOf({ settings, text, sample }: Linked): Promise<{ fragment: string; isWhole: boolean }> {
  const { bits, granularity, axis, group, along, arithmetic } = settings;
  const fields = new URLSearchParams({
    bits: String(bits),
    scales: granularity === "group" ? `group:${group}` : String(granularity),
    axis: String(axis),
    along: String(along),
    arithmetic: String(arithmetic),
  });
  if (sample !== undefined) fields.set("sample", sample);
  const matrix = text === undefined ? undefined : await packed(text);
  const fits = matrix !== undefined && matrix.length <= MAX_MATRIX;
  if (fits) fields.set("matrix", matrix);
  return { fragment: `#${fields}`.replaceAll("%3A", ":"), isWhole: fits || sample !== undefined };
}

/**
 * What a link carries; undefined for one that carries nothing.
 *
 * @throws {Error} for a link that is damaged.
 */
export async function linkedBy(fragment: string): Promise<Linked | undefined> {
  const fields = new URLSearchParams(fragment.slice(1));
  if (!fields.has("bits") && !fields.has("matrix") && !fields.has("sample")) return undefined;
  const whole = (name: string, least: number, most: number) => {
    const value = fields.get(name);
    if (value === null) return {};
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < least || number > most) {
      throw new Error(`The link's ${name} is “${value}”; it must be a whole number from ${least} to ${most}.`);
    }
    return { [name]: number };
  };
  const settings = {
    ...whole("bits", 2, 16),
    ...whole("axis", 0, 63),
    ...whole("along", 0, 63),
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

function scalesOf(scales: string | null): { granularity?: GranularityName; group?: number } {
  if (scales === null) return {};
  const group = /^group:(\d+)$/.exec(scales)?.[1];
  if (group !== undefined) return { granularity: "group", group: Number(group) };
  if (scales === "channel" || scales === "tensor") return { granularity: scales };
  throw new Error(`The link's scales are “${scales}”; they must be channel, tensor or group: with a size.`);
}

function arithmeticOf(arithmetic: string | null): { arithmetic?: Arithmetic } {
  if (arithmetic === null) return {};
  if (arithmetic === "float32" || arithmetic === "float64") return { arithmetic };
  throw new Error(`The link's arithmetic is “${arithmetic}”; it must be float32 or float64.`);
}

/** Deflated, in letters that links carry as they are. */
async function packed(text: string): Promise<string> {
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
    return await new Response(stream).text();
  } catch {
    throw new Error(
      "The link's matrix is damaged: the link may have been cut off. Ask for it again, or paste the matrix.",
    );
  }
}
