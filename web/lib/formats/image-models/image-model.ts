import { checkBoolean, checkNames, shown } from "../../core/arguments.js";
import { matchesGlob } from "../../io/globs.js";
import type { TensorInfo } from "../../tensor/tensor.js";
import type { CustomArchitecture, ImageArchitecture } from "./architecture.js";
import { imageArchitectures } from "./architectures.js";

const patternNames = ["keep", "float32", "leaveOut"] as const satisfies (keyof CustomArchitecture)[];

/** The names of the architectures of the table. */
export const architectureNames: readonly string[] = imageArchitectures.map(({ name }) => name);

/** @throws {TypeError} for a name that is not in the table, and for a custom architecture that is wrong. */
export function architectureOf(given: string | CustomArchitecture): ImageArchitecture {
  if (typeof given === "string") return architectureNamed("architecture", given);
  checkNames("architecture", given, ["extends", "name", "reshape", ...patternNames]);
  const base = given.extends === undefined ? undefined : architectureNamed("architecture.extends", given.extends);
  const { name = base?.name, reshape = base?.reshape } = given;
  if (typeof name !== "string" || name === "") {
    throw new TypeError(`architecture.name is ${shown(name)}; it must be a text, unless extends names an architecture`);
  }
  if (reshape !== undefined) checkBoolean("architecture.reshape", reshape);
  const patterns = patternNames.map((list) => [list, [...(base?.[list] ?? []), ...patternsIn(list, given[list])]]);
  return { detect: [], keep: [], ...base, ...Object.fromEntries(patterns), name, reshape };
}

function patternsIn(list: string, patterns: unknown = []): readonly string[] {
  if (Array.isArray(patterns) && patterns.every((each) => typeof each === "string")) return patterns;
  throw new TypeError(`architecture.${list} is ${shown(patterns)}; it must be an array of patterns`);
}

function architectureNamed(argument: string, name: unknown): ImageArchitecture {
  const found = imageArchitectures.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new TypeError(`${argument} is ${shown(name)}; it must be one of ${architectureNames.join(", ")}`);
}

/** An image model: its architecture, and where its tensors lie. */
export interface ImageModel {
  readonly architecture: ImageArchitecture;
  /** What the names of its tensors begin with in the file. Other tensors, as of a text encoder, do not belong to it. */
  readonly prefix: string;
  /** Whether its tensors are named as in diffusers. */
  readonly isOfDiffusers: boolean;
}

/**
 * Finds the image model among tensors.
 *
 * @param given the architecture, where it is known; otherwise the names of the tensors tell it.
 */
export function imageModelIn(
  tensors: readonly Pick<TensorInfo, "name">[],
  given?: ImageArchitecture,
): ImageModel | undefined {
  const prefix = prefixOf(tensors);
  const names = new Set<string>();
  for (const { name } of tensors) if (name.startsWith(prefix)) names.add(name.slice(prefix.length));
  const isOf = ({ detect, diffusers }: ImageArchitecture) =>
    detect.some((list) => list.every((name) => names.has(name))) || (diffusers !== undefined && names.has(diffusers));
  const architecture = given ?? imageArchitectures.find(isOf);
  if (architecture === undefined) return undefined;
  const { diffusers } = architecture;
  return { architecture, prefix, isOfDiffusers: diffusers !== undefined && names.has(diffusers) };
}

/** Checkpoints have the diffusion model beside other models; some files have it alone, but below a name. */
const BESIDE_OTHERS = ["model.diffusion_model.", "model."];
const ALONE = "net.";

function prefixOf(tensors: readonly Pick<TensorInfo, "name">[]): string {
  const found = BESIDE_OTHERS.find((prefix) => tensors.some(({ name }) => name.startsWith(prefix)));
  if (found !== undefined) return found;
  return tensors.length > 0 && tensors.every(({ name }) => name.startsWith(ALONE)) ? ALONE : "";
}

/** Whether one of the patterns matches a name. */
export function matchesAny(name: string, patterns: readonly string[] = []): boolean {
  return patterns.some((pattern) => matchesGlob(name, pattern));
}

/**
 * The reason why a tensor of an image model stays floats; undefined for one that is quantized.
 *
 * @param name its name without the prefix
 */
export function whyArchitectureKeeps(name: string, { name: architecture, keep }: ImageArchitecture) {
  const pattern = keep.find((each) => matchesGlob(name, each));
  return pattern && `${architecture} needs ${pattern.replace(/^\*|\.?\*$/g, "")} as floats`;
}
