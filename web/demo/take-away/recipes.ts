import { scaleRules } from "channelwise/models";
import { product } from "../matrix.js";
import type { Opened, Settings, Summary, TensorOfModel } from "../protocol.js";

/** The way for others to get the weights: a file that is read, a tensor of a model, or the numbers themselves. */
export type Weights = { readonly file: string } | TensorOfModel | { readonly numbers: readonly number[] };

/** JavaScript for the npm package in Node that gives the result of the page. */
export function code(weights: Weights, { stored }: Opened, { settings, shape, arithmetic }: Summary): string {
  const imports = ['import { load } from "channelwise";'];
  const array = arithmetic === "float64" ? "Float64Array" : "Float32Array";
  let reading: string;
  if ("numbers" in weights) {
    reading = `const weights = ${array}.of(${weights.numbers.join(", ")});`;
  } else if ("tensor" in weights) {
    const [model, tensor] = [weights.model, weights.tensor].map((text) => JSON.stringify(text));
    const count = product(shape);
    imports.push('import { openModel, readFloats } from "channelwise/models";');
    reading = `const { tensors } = await openModel(${model});
const weights = await readFloats(tensors.find(({ name }) => name === ${tensor}), 0, ${count});`;
  } else if (stored !== undefined) {
    imports.unshift('import { readFile } from "node:fs/promises";');
    imports.push('import { readNpy } from "channelwise/npy";');
    reading = `const { weights } = readNpy(await readFile(${JSON.stringify(weights.file)}));`;
  } else {
    imports.unshift('import { readFile } from "node:fs/promises";');
    imports.push('import { parseMatrix } from "channelwise/text";');
    const file = JSON.stringify(weights.file);
    reading = `const weights = ${array}.from(parseMatrix(await readFile(${file}, "utf8")).values);`;
  }
  return `${imports.join("\n")}

const channelwise = await load();
${reading}
const result = channelwise.quantize(weights, { ${options(settings, shape)} });
console.log(result.quantized, result.scales, result.sqnr${settings.zeroPoints ? ", result.zeroPoints" : ""});
`;
}

function options(
  { bits, rule, zeroPoints, granularity, axis, group, along }: Settings,
  shape: readonly number[],
): string {
  const own = {
    channel: `axis: ${axis}`,
    tensor: 'granularity: "tensor"',
    group: `granularity: { group: ${group}, along: ${along} }`,
  }[granularity];
  const scales = rule === scaleRules[0] ? "" : `, scales: "${rule}"`;
  return `shape: [${shape.join(", ")}], ${own}, bits: ${bits}${scales}${zeroPoints ? ", zeroPoints: true" : ""}`;
}

/** The command that quantizes a file like this, or one tensor of a model. */
export function command(weights: { readonly file: string } | TensorOfModel, settings: Settings): string {
  const { bits, rule, zeroPoints, granularity, axis, group, along } = settings;
  const isOnnx = "tensor" in weights && weights.isOnnx; // the command knows where groups lie
  const own = {
    channel: ` --axis ${axis}`,
    tensor: " --granularity tensor",
    group: ` --granularity group:${group}${isOnnx ? "" : `@${along}`}`,
  }[granularity];
  // This tensor is quantized whatever its name and size.
  const which =
    "tensor" in weights
      ? `${quoted(weights.model)} --exclude '*' --include ${quoted(weights.tensor)}`
      : `${quoted(weights.file)} --include '*'`;
  const scales = `${rule === scaleRules[0] ? "" : ` --scales ${rule}`}${zeroPoints ? " --zero-points" : ""}`;
  return `npx channelwise quantize ${which} --bits ${bits}${scales}${own}`;
}

/** The name, quoted for a shell. */
export function quoted(file: string): string {
  const safe = file.startsWith("-") ? `./${file}` : file;
  return /^[\w./-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", "'\\''")}'`;
}
