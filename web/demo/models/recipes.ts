import { quoted } from "../take-away/recipes.js";
import type { ModelState } from "./model-state.js";
import type { Rules, Setting } from "./protocol.js";

/** The options of the library, and of the command, that make the choices of the page. */
interface Choices {
  /** Names that are kept, and those that are quantized whatever the policy says, with settings of their own. */
  readonly kept: readonly string[];
  readonly own: readonly (readonly [name: string, setting: Setting])[];
}

function choicesOf({ description, rules: { own } }: ModelState): Choices {
  const named = [...own].map(([tensor, choice]) => [description.tensors[tensor].name, choice] as const);
  return {
    kept: named.flatMap(([name, choice]) => (choice === "keep" ? [name] : [])),
    own: named.flatMap(([name, choice]) => (choice === "keep" ? [] : [[name, choice] as const])),
  };
}

/** JavaScript that writes what the page saves, with the npm package in Node. */
export function code(state: ModelState): string {
  return state.description.format === "onnx" ? onnxCode(state) : filesCode(state);
}

function filesCode(state: ModelState): string {
  const { description, rules, plan } = state;
  const { kept, own } = choicesOf(state);
  const along = description.format === "tfjs" ? -2 : -1;
  const lines = [
    `dialect: ${JSON.stringify(rules.target)},`,
    `${settingCode(rules.all, along)},`,
    ...(kept.length > 0 ? [`exclude: [${kept.map((name) => JSON.stringify(name)).join(", ")}],`] : []),
    ...(own.length > 0
      ? [
          `include: [${own.map(([name]) => JSON.stringify(name)).join(", ")}],`,
          "overrides: {",
          ...own.map(([name, setting]) => `  ${JSON.stringify(name)}: { ${settingCode(setting, along)} },`),
          "},",
        ]
      : []),
  ];
  return `import { chooseTensors, fileSink, openModel, quantizeModel } from "channelwise/files";
import { load } from "channelwise/parallel";

const channelwise = await load();
const model = await openModel(${JSON.stringify(description.name)});
const choice = chooseTensors(model, {
${lines.map((line) => `  ${line}`).join("\n")}
});
const { tensors } = await quantizeModel(channelwise, model, choice, await fileSink(${JSON.stringify(plan.fileNames[0])}));
console.log(tensors);
channelwise.close();
`;
}

function onnxCode(state: ModelState): string {
  const { description, rules, plan } = state;
  const { kept, own } = choicesOf(state);
  const [model, external] = plan.fileNames.map((name) => JSON.stringify(name));
  const lines = [
    `${settingCode(rules.all)},`,
    ...(kept.length > 0 || own.length > 0
      ? [
          "weights: {",
          ...kept.map((name) => `  ${JSON.stringify(name)}: { keep: true },`),
          ...own.map(([name, setting]) => `  ${JSON.stringify(name)}: { keep: false, ${settingCode(setting)} },`),
          "},",
        ]
      : []),
  ];
  const resolver = external === undefined ? "" : ", { external: (location) => openSource(location) }";
  const options =
    external === undefined ? "" : `, { external: { location: ${external}, sink: await fileSink(${external}) } }`;
  return `import { fileSink, openSource } from "channelwise/files";
import { planOnnx, readOnnx, writeOnnx } from "channelwise/onnx";

const model = await readOnnx(await openSource(${JSON.stringify(description.name)})${resolver});
const plan = planOnnx(model, {
${lines.map((line) => `  ${line}`).join("\n")}
});
console.log(await writeOnnx(plan, await fileSink(${model})${options}));
`;
}

/** With groups along the axis, or in ONNX, which finds it by itself, without one. */
function settingCode({ bits, granularity }: Setting, along?: number): string {
  const own =
    typeof granularity === "number"
      ? `{ group: ${granularity}${along === undefined ? "" : `, along: ${along}`} }`
      : `"${granularity}"`;
  return `bits: ${bits}, granularity: ${own}`;
}

/** The command that writes what the page saves. */
export function command(state: ModelState): string {
  const { description, rules } = state;
  const { kept, own } = choicesOf(state);
  const dialect = rules.target === "onnx" ? [] : [`--dialect ${rules.target}`];
  const scales = (granularity: Setting["granularity"]) => {
    if (typeof granularity !== "number") return granularity;
    return description.format === "tfjs" ? `group:${granularity}@-2` : `group:${granularity}`;
  };
  const { bits, granularity }: Rules["all"] = rules.all;
  return [
    `npx channelwise quantize ${quoted(description.name)}`,
    ...dialect,
    `--bits ${bits}`,
    ...(granularity === "channel" ? [] : [`--granularity ${scales(granularity)}`]),
    ...kept.map((name) => `--override ${quoted(`${name}=keep`)}`),
    ...own.flatMap(([name, setting]) => [
      `--include ${quoted(name)}`,
      `--override ${quoted(`${name}=${setting.bits},,${scales(setting.granularity)}`)}`,
    ]),
  ].join(" ");
}
