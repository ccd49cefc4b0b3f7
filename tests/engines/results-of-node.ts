import { load } from "channelwise";
import type { TestProject } from "vitest/node";
import { results } from "./results.js";

declare module "vitest" {
  interface ProvidedContext {
    /** Node's results of every matrix. */
    results: string[];
  }
}

export default async function setup({ provide }: TestProject) {
  provide("results", results(await load()));
}
