import { shorten } from "../io/shorten.js";
import type { Model } from "../tensor/model.js";
import { type Choice, type Decision, joinedTensors } from "./choose.js";

/** More would say no more. */
const MOST_NAMES = 3;

/**
 * What the reader of a choice's dialect will refuse of the file, a sentence each: vLLM joins some layers, and loads only models
 * in which these are quantized in one way, or all kept.
 */
export function warningsOf({ tensors }: Pick<Model, "tensors">, { dialect, decisions }: Choice): string[] {
  return joinedTensors({ tensors }, dialect).flatMap((places) => {
    const ways = new Map<string, number[]>();
    for (const place of places) {
      const way = wayOf(decisions[place]);
      const alike = ways.get(way) ?? [];
      alike.push(place);
      ways.set(way, alike);
    }
    if (ways.size === 1) return [];
    const names = places.map((place) => tensors[place].name.replace(/\.weight$/, ""));
    const module = commonModule(names);
    const short = new Map(places.map((place, i) => [place, names[i].slice(module.length)]));
    const listed = (some: readonly number[]) => someOf(some.map((place) => short.get(place) as string));
    const parts = [...ways].map(([way, alike]) => `${way} (${listed(alike)})`);
    const of = module === "" ? "" : ` of ${shorten(module.slice(0, -1), 80)}`;
    return [`vLLM joins ${listed(places)}${of} and refuses them in different ways: ${parts.join(", ")}`];
  });
}

function wayOf(decision: Decision): string {
  if (!decision.quantize) return "kept";
  const { bits, granularity } = decision;
  return `${bits} bits ${typeof granularity === "object" ? `in groups of ${granularity.group}` : `per ${granularity}`}`;
}

/** With the dot at its end; "" where there is none. */
function commonModule(names: readonly string[]): string {
  let module = names[0].slice(0, names[0].lastIndexOf(".") + 1);
  while (!names.every((name) => name.startsWith(module)))
    module = module.slice(0, module.lastIndexOf(".", module.length - 2) + 1);
  return module;
}

function someOf(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map((name) => shorten(name, 80));
  const more = names.length - shown.length;
  return more === 0 ? shown.join(", ") : `${shown.join(", ")} and ${more} more`;
}
