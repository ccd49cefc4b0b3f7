import type { Decision } from "../formats/decision.js";
import type { Target } from "../formats/format.js";
import { shorten } from "../io/shorten.js";

/** A few names suffice. */
const MOST_NAMES = 3;

/** Sentences on decisions that readers will refuse: layers that they join, and that are not quantized in one way. */
export function warningsOf(target: Target, decisions: readonly Decision[]): string[] {
  const { joiner, lists } = target.joined?.() ?? { joiner: "", lists: [] };
  return lists.flatMap((places) => {
    const ways = new Map<string, Decision[]>();
    for (const place of places) {
      const way = wayOf(decisions[place]);
      const alike = ways.get(way) ?? [];
      alike.push(decisions[place]);
      ways.set(way, alike);
    }
    if (ways.size === 1) return [];
    const all = places.map((place) => decisions[place]);
    const module = commonModule(all.map(({ tensor }) => tensor));
    const listed = (some: readonly Decision[]) => someOf(some.map(({ tensor }) => layerOf(tensor, module)));
    const parts = [...ways].map(([way, alike]) => `${way} (${listed(alike)})`);
    const of = module === "" ? "" : ` of ${shorten(module.slice(0, -1), 80)}`;
    return [
      `${joiner} joins ${listed(all)}${of} but refuses layers that are quantized in different ways: ${parts.join(", ")}`,
    ];
  });
}

function wayOf(decision: Decision): string {
  if (!decision.quantize) return "kept";
  const { bits, granularity } = decision.scheme;
  return `${bits} bits ${typeof granularity === "object" ? `in groups of ${granularity.group}` : `per ${granularity}`}`;
}

/** The module that all names begin with, with the dot at its end; "" if there is none. */
function commonModule(names: readonly string[]): string {
  let module = names[0].slice(0, names[0].lastIndexOf(".") + 1);
  while (module !== "" && !names.every((name) => name.startsWith(module))) {
    module = module.slice(0, module.slice(0, -1).lastIndexOf(".") + 1);
  }
  return module;
}

function layerOf(tensor: string, module: string): string {
  return tensor.slice(module.length).replace(/\.weight$/, "");
}

function someOf(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map((name) => shorten(name, 80));
  const more = names.length - shown.length;
  return more === 0 ? shown.join(", ") : `${shown.join(", ")} and ${more} more`;
}
