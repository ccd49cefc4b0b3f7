import type { Metric } from "channelwise/embeddings";
import type { Setting } from "./protocol.js";

/** "int4, group, 10 x rescored" */
export function nameOf({ precision = "int8", scaling, profile, rescore }: Setting): string {
  return [precision, scaling, profile, rescore && `${rescore} x rescored`]
    .filter((part) => part !== undefined)
    .join(", ");
}

/** Code that makes the same index of other vectors, and searches. */
export function codeOf({ rescore, scaling, ...setting }: Setting, dimensions: number, metric: Metric): string {
  const isRanges = scaling === "ranges";
  const options = Object.entries({
    ...(isRanges ? {} : { dimensions, ...(scaling && { scaling }) }),
    ...setting,
    metric,
  })
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join(", ");
  const ranges = isRanges
    ? `const scaling = embeddings.fitRanges(vectors, { dimensions: ${dimensions} }); // or those that were saved\n`
    : "";
  return `import { load } from "channelwise/embeddings";

const embeddings = await load();
${ranges}const index = embeddings.createIndex({ ${isRanges ? "scaling, " : ""}${options} });
index.add(vectors); // a Float32Array, one vector after the other
// Or the index that was saved: embeddings.loadIndex(await (await fetch("vectors.index")).arrayBuffer())
const { ids, scores } = index.search(query, { k: 10${rescore ? `, rescore: ${rescore}` : ""} });
`;
}
