import { scaleRules } from "channelwise/models";
import { quoted } from "../take-away/recipes.js";
import type { ModelState } from "./model-state.js";
import type { Description, Setting } from "./protocol.js";
import { groupAxis, isOnnxTarget } from "./settings.js";

/** The choices for single tensors, by name. */
function ownChoices({ description, rules }: ModelState) {
  return [...rules.own].map(([tensor, choice]) => ({ name: description.tensors[tensor].name, choice }));
}

/** JavaScript for the npm package in Node that writes the files that the page saves. */
export function code(state: ModelState): string {
  const [output, external] = state.plan.fileNames.map((name) => JSON.stringify(name));
  const options =
    external === undefined ? "" : `, { external: { location: ${external}, sink: await fileSink(${external}) } }`;
  return `import { fileSink, openModel, planModel, quantizeModel } from "channelwise/models";
import { load } from "channelwise/parallel";

const channelwise = await load();
const model = await openModel(${JSON.stringify(state.description.name)});
const plan = planModel(model, ${rulesCode(state)});
const { tensors } = await quantizeModel(channelwise, plan, await fileSink(${output})${options});
console.log(tensors);
channelwise.close();
`;
}

/** The channel axis of a setting, and the axis along which its groups lie; undefined where they are the default. */
function axesOf({ granularity, axis }: Setting, { format }: Description): { axis?: number; along?: number } {
  const isAlong = typeof granularity === "number" && format !== "onnx";
  if (isAlong) return { along: axis ?? groupAxis(format) };
  return axis === undefined ? {} : { axis };
}

/** The rules for the library. */
function rulesCode(state: ModelState): string {
  const { description, rules } = state;
  const own = ownChoices(state);
  const hasZeroPoints = [rules.all, ...rules.own.values()].some((each) => each !== "keep" && each.zeroPoints);
  const setting = (setting: Setting) => {
    const { bits, rule, zeroPoints, granularity } = setting;
    const { axis, along } = axesOf(setting, description);
    const scales =
      typeof granularity === "number"
        ? `{ group: ${granularity}${along === undefined ? "" : `, along: ${along}`} }`
        : `"${granularity}"`;
    const ruleCode = rule === scaleRules[0] ? "" : `, scales: "${rule}"`;
    return `bits: ${bits}${ruleCode}${hasZeroPoints ? `, zeroPoints: ${zeroPoints === true}` : ""}, granularity: ${scales}${axis === undefined ? "" : `, axis: ${axis}`}`;
  };
  const wanted = own.filter(({ choice }) => choice !== "keep").map(({ name }) => JSON.stringify(name));
  const lines = [
    `${isOnnxTarget(rules.target) ? "target" : "dialect"}: "${rules.target}",`,
    `${setting(rules.all)},`,
    ...(rules.opset === undefined ? [] : [`opset: ${rules.opset},`]),
    // These tensors are included however small they are, and whatever their names.
    ...(wanted.length > 0 ? [`include: [${wanted.join(", ")}],`] : []),
    ...(own.length > 0 ? ["overrides: {"] : []),
    ...own.map(
      ({ name, choice }) => `  ${JSON.stringify(name)}: { ${choice === "keep" ? "keep: true" : setting(choice)} },`,
    ),
    ...(own.length > 0 ? ["},"] : []),
  ];
  return `{\n${lines.map((line) => `  ${line}\n`).join("")}}`;
}

/** The rule and the zero points in an override, if they differ from those of all. */
function ruleOf({ rules: { all } }: ModelState, { rule, zeroPoints }: Setting): string {
  const scales = rule === all.rule ? "" : rule;
  if (zeroPoints !== all.zeroPoints) return `,${scales},${zeroPoints ? "zero-points" : "symmetric"}`;
  return scales === "" ? "" : `,${scales}`;
}

/** The command that writes the files that the page saves. */
export function command(state: ModelState): string {
  const { description, rules } = state;
  const scales = (setting: Setting) => {
    const { granularity } = setting;
    if (typeof granularity !== "number") return granularity;
    const { along } = axesOf(setting, description);
    // The command's default is the last axis.
    return along === undefined || along === -1 ? `group:${granularity}` : `group:${granularity}@${along}`;
  };
  const { bits, rule, zeroPoints, granularity } = rules.all;
  const { axis } = axesOf(rules.all, description);
  return [
    `npx channelwise quantize ${quoted(description.name)}`,
    `${isOnnxTarget(rules.target) ? "--target" : "--dialect"} ${rules.target}`,
    `--bits ${bits}`,
    ...(rule === scaleRules[0] ? [] : [`--scales ${rule}`]),
    ...(zeroPoints ? ["--zero-points"] : []),
    ...(granularity === "channel" ? [] : [`--granularity ${scales(rules.all)}`]),
    ...(axis === undefined ? [] : [`--axis ${axis}`]),
    ...(rules.opset === undefined ? [] : [`--opset ${rules.opset}`]),
    ...ownChoices(state).flatMap(({ name, choice }) =>
      choice === "keep"
        ? [`--override ${quoted(`${name}=keep`)}`]
        : [
            `--include ${quoted(name)}`,
            `--override ${quoted(`${name}=${choice.bits},${axesOf(choice, description).axis ?? ""},${scales(choice)}${ruleOf(state, choice)}`)}`,
          ],
    ),
  ].join(" ");
}
