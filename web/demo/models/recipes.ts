import { quoted } from "../take-away/recipes.js";
import type { ModelState } from "./model-state.js";
import type { Setting } from "./protocol.js";
import { groupAxis } from "./settings.js";

/** What was chosen for single tensors, by their names. */
function ownChoices({ description, rules }: ModelState) {
  return [...rules.own].map(([tensor, choice]) => ({ name: description.tensors[tensor].name, choice }));
}

/** JavaScript that writes what the page saves, with the npm package in Node. */
export function code(state: ModelState): string {
  return state.description.format === "onnx" ? onnxCode(state) : filesCode(state);
}

function filesCode(state: ModelState): string {
  const { description, plan } = state;
  return `import { chooseTensors, fileSink, openModel, quantizeModel } from "channelwise/files";
import { load } from "channelwise/parallel";

const channelwise = await load();
const model = await openModel(${JSON.stringify(description.name)});
const choice = chooseTensors(model, ${rulesCode(state)});
const sink = await fileSink(${JSON.stringify(plan.fileNames[0])});
const { tensors } = await quantizeModel(channelwise, model, choice, sink);
console.log(tensors);
channelwise.close();
`;
}

function onnxCode(state: ModelState): string {
  const [model, external] = state.plan.fileNames.map((name) => JSON.stringify(name));
  const options =
    external === undefined ? "" : `, { external: { location: ${external}, sink: await fileSink(${external}) } }`;
  return `import { fileSink } from "channelwise/files";
import { planOnnx, readOnnx, writeOnnx } from "channelwise/onnx";
import { load } from "channelwise/parallel";

const channelwise = await load();
const model = await readOnnx(${JSON.stringify(state.description.name)});
const plan = planOnnx(model, ${rulesCode(state)});
console.log(await writeOnnx(channelwise, plan, await fileSink(${model})${options}));
channelwise.close();
`;
}

/** The rules that the library takes. */
function rulesCode(state: ModelState): string {
  const { description, rules } = state;
  const own = ownChoices(state);
  const setting = ({ bits, granularity }: Setting) => {
    const along = description.format === "onnx" ? "" : `, along: ${groupAxis(description.format)}`;
    const scales = typeof granularity === "number" ? `{ group: ${granularity}${along} }` : `"${granularity}"`;
    return `bits: ${bits}, granularity: ${scales}`;
  };
  const wanted = own.filter(({ choice }) => choice !== "keep").map(({ name }) => JSON.stringify(name));
  const lines = [
    ...(rules.target === "onnx" ? [] : [`dialect: "${rules.target}",`]),
    `${setting(rules.all)},`,
    // However small they are, and whatever their names say.
    ...(wanted.length > 0 ? [`include: [${wanted.join(", ")}],`] : []),
    ...(own.length > 0 ? ["overrides: {"] : []),
    ...own.map(
      ({ name, choice }) => `  ${JSON.stringify(name)}: { ${choice === "keep" ? "keep: true" : setting(choice)} },`,
    ),
    ...(own.length > 0 ? ["},"] : []),
  ];
  return `{\n${lines.map((line) => `  ${line}\n`).join("")}}`;
}

/** The command that writes what the page saves. */
export function command(state: ModelState): string {
  const { description, rules } = state;
  const scales = (granularity: Setting["granularity"]) => {
    if (typeof granularity !== "number") return granularity;
    return description.format === "tfjs" ? `group:${granularity}@${groupAxis("tfjs")}` : `group:${granularity}`;
  };
  const { bits, granularity } = rules.all;
  return [
    `npx channelwise quantize ${quoted(description.name)}`,
    ...(rules.target === "onnx" ? [] : [`--dialect ${rules.target}`]),
    `--bits ${bits}`,
    ...(granularity === "channel" ? [] : [`--granularity ${scales(granularity)}`]),
    ...ownChoices(state).flatMap(({ name, choice }) =>
      choice === "keep"
        ? [`--override ${quoted(`${name}=keep`)}`]
        : [
            `--include ${quoted(name)}`,
            `--override ${quoted(`${name}=${choice.bits},,${scales(choice.granularity)}`)}`,
          ],
    ),
  ].join(" ");
}
