import { scaleRules } from "channelwise/models";
import { kept } from "../remembered.js";
import type { ModelState } from "./model-state.js";
import type { Description, Form, Setting, Target } from "./protocol.js";
import { settingKey, settingOf, targetNames, ZERO_POINTS } from "./settings.js";

/** Characters behind the #, which leaves room for some hundred choices for single tensors. */
const MAX_FRAGMENT = 20_000;

/** The choices for a model. Those for single tensors hold only for the model of this name. */
export interface LinkedModel extends Form {
  /** Name of the file. */
  readonly name: string;
  readonly all: Setting;
  /** The choices by the names of tensors. */
  readonly own: ReadonlyMap<string, Setting | "keep">;
}

/**
 * The part after the # of a link, which restores the settings of a model and carries nothing else. Undefined where a
 * link has no room for the choices for single tensors.
 */
export function fragmentOfModel({ description, rules }: ModelState): string | undefined {
  const fields = new URLSearchParams({
    model: description.name,
    target: rules.target,
    setting: settingKey(rules.all),
    ...(rules.opset !== undefined && { opset: String(rules.opset) }),
  });
  for (const [tensor, choice] of rules.own) {
    fields.append(choice === "keep" ? "keep" : settingKey(choice), description.tensors[tensor].name);
  }
  const fragment = `#${fields}`;
  return fragment.length > MAX_FRAGMENT ? undefined : fragment;
}

/**
 * The settings that a link carries for a model; undefined for a link without any.
 *
 * @throws {Error} for a link that is damaged.
 */
export function modelLinkedBy(fragment: string): LinkedModel | undefined {
  const fields = new URLSearchParams(fragment.slice(1));
  const name = fields.get("model");
  if (name === null) return undefined;
  if (fragment.length > MAX_FRAGMENT) throw new Error("The link is longer than this page’s links are.");
  const target = fields.get("target") ?? "";
  if (!Object.hasOwn(targetNames, target)) throw damaged("target", target);
  const all = checkedSetting(fields.get("setting") ?? "");
  const opset = fields.get("opset");
  if (opset !== null && !/^\d{1,3}$/.test(opset)) throw damaged("opset", opset);
  const own = new Map<string, Setting | "keep">();
  for (const [key, value] of fields) {
    if (["model", "target", "setting", "opset"].includes(key)) continue;
    own.set(value, key === "keep" ? key : checkedSetting(key));
  }
  return { name, target: target as Target, all, own, ...(opset !== null && { opset: Number(opset) }) };
}

/** The choices of the last visit. */
export function keptModel(): LinkedModel | undefined {
  try {
    return modelLinkedBy(kept("model") ?? "");
  } catch {
    return undefined; // an older page kept it in another form
  }
}

/** The choices for single tensors, by their places, of what was chosen before; none where that was for another model. */
export function ownChoices(
  { name, tensors }: Description,
  chosen: LinkedModel | undefined,
): ReadonlyMap<number, Setting | "keep"> {
  if (chosen?.name !== name) return new Map();
  const own = tensors.flatMap((tensor, i) => {
    const choice = tensor.canQuantize ? chosen.own.get(tensor.name) : undefined;
    return choice === undefined ? [] : [[i, choice] as const];
  });
  return new Map(own);
}

const KEY = new RegExp(
  `^(\\d+) (channel|tensor|[1-9]\\d{0,8})( -?\\d{1,2})?( (${scaleRules.join("|")}))?( ${ZERO_POINTS})?$`,
);

function checkedSetting(key: string): Setting {
  const [, bits] = KEY.exec(key) ?? [];
  if (bits === undefined || Number(bits) < 2 || Number(bits) > 16) throw damaged("setting", key);
  return settingOf(key);
}

function damaged(field: string, value: string): Error {
  const shown = value.length > 40 ? `${value.slice(0, 40)}…` : value;
  return new Error(`The link's ${field} is “${shown}”, which this page does not know. Ask for the link again.`);
}
