import type { Opened, Settings, Summary } from "../protocol.js";

/** How somebody else gets at the weights: a file that is read, or the numbers themselves. */
export type Weights = { readonly file: string } | { readonly numbers: readonly number[] };

/** JavaScript that gives the result of the page, with the npm package in Node. */
export function code(weights: Weights, { stored }: Opened, { settings, shape, arithmetic }: Summary): string {
  const imports = ['import { load } from "channelwise";'];
  const array = arithmetic === "float64" ? "Float64Array" : "Float32Array";
  let reading: string;
  if ("numbers" in weights) {
    reading = `const weights = ${array}.of(${weights.numbers.join(", ")});`;
  } else if (stored !== undefined) {
    imports.unshift('import { readFile } from "node:fs/promises";');
    imports.push('import { readNpy } from "channelwise/npy";');
    reading = `const { weights } = readNpy(await readFile(${JSON.stringify(weights.file)}));`;
  } else {
    imports.unshift('import { readFile } from "node:fs/promises";');
    imports.push('import { parseMatrix } from "channelwise/files";');
    const file = JSON.stringify(weights.file);
    reading = `const weights = ${array}.from(parseMatrix(await readFile(${file}, "utf8")).values);`;
  }
  return `${imports.join("\n")}

const channelwise = await load();
${reading}
const result = channelwise.quantize(weights, { ${options(settings, shape)} });
console.log(result.quantized, result.scales, result.sqnr);
`;
}

function options({ bits, granularity, axis, group, along }: Settings, shape: readonly number[]): string {
  const own = {
    channel: `axis: ${axis}`,
    tensor: 'granularity: "tensor"',
    group: `granularity: { group: ${group}, along: ${along} }`,
  }[granularity];
  return `shape: [${shape.join(", ")}], ${own}, bits: ${bits}`;
}

/** The command that quantizes a file like this. */
export function command(file: string, { bits, granularity, axis, group, along }: Settings): string {
  const own = {
    channel: ` --axis ${axis}`,
    tensor: " --granularity tensor",
    group: ` --granularity group:${group}@${along}`,
  }[granularity];
  // Whatever it is called and however small it is.
  return `npx channelwise quantize ${quoted(file)} --include '*' --bits ${bits}${own}`;
}

/** As a shell takes it. */
export function quoted(file: string): string {
  const safe = file.startsWith("-") ? `./${file}` : file;
  return /^[\w./-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", "'\\''")}'`;
}
