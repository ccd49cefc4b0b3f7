import { compareNodes, type NodeComparison, openModel } from "channelwise/models";
import type { Context, Outcome } from "./context.js";
import { counted, decibels, magnitude, oneLine } from "./format.js";
import { runWith } from "./onnx-runtime.js";
import type { Values } from "./options.js";
import { parseLimit } from "./settings.js";
import { type Column, tableLines } from "./table.js";
import { styled, widthOf } from "./terminal.js";

/** A terminal gets no more rows than this, the worst ones. */
const MOST_ROWS = 20;

const saturation =
  ", whose sums of int8 products saturate on x86 processors without VNNI; onnxruntime-web, where it is installed, has no such limit";

/** `channelwise compare --run`: what nodes and outputs of both models compute. */
export async function compareByRunning(a: string, b: string, values: Values, context: Context): Promise<Outcome> {
  const least = values["min-output-sqnr"];
  const limit = least === undefined ? -Infinity : parseLimit("--min-output-sqnr", least);
  const { run, runtime } = await runWith(values.input ?? []);
  const original = await openModel(a);
  try {
    const model = await openModel(b);
    try {
      const comparison = await compareNodes(original, model, run);
      const low = comparison.outputs.filter(({ sqnr }) => !(sqnr >= limit));
      const failures = low.map(({ output, sqnr }) => `${output} has an SQNR of ${decibels(sqnr)}, below ${limit} dB`);
      if (!values.json) {
        context.stderr.write(`run in ${runtime}${runtime === "onnxruntime-node" ? saturation : ""}\n`);
        show(comparison, failures, context);
      }
      return {
        exitCode: failures.length > 0 ? 3 : 0,
        json: { original: a, model: b, runtime, ...comparison, failures },
      };
    } finally {
      await model.close();
    }
  } finally {
    await original.close();
  }
}

const columns: readonly Column[] = [
  { title: "node, worst first", shorten: "middle" },
  { title: "operator" },
  { title: "weights", shorten: "middle" },
  { title: "SQNR", number: true },
  { title: "max error", number: true },
];

function show({ nodes, outputs }: NodeComparison, failures: readonly string[], { stdout, stderr }: Context): void {
  const width = widthOf(stdout);
  const shown = width === Infinity ? nodes : nodes.slice(0, MOST_ROWS);
  const rows = shown.map(({ node, operator, tensors, sqnr, maxError }) => [
    ...[oneLine(node), operator, oneLine(tensors.join(", "))],
    ...[decibels(sqnr), magnitude(maxError)],
  ]);
  const [titles, ...lines] = tableLines(columns, rows, width);
  stdout.write(`${styled(stdout, "dim", titles)}\n${lines.map((line) => `${line}\n`).join("")}`);
  const rest = nodes.length - shown.length;
  if (rest > 0)
    stdout.write(`${styled(stdout, "dim", `and ${counted(rest, "more node")}; a pipe gets all of them`)}\n`);
  stdout.write("\n");
  for (const { output, sqnr, maxError } of outputs) {
    stdout.write(`output ${oneLine(output)}  SQNR ${decibels(sqnr)}, max error ${magnitude(maxError)}\n`);
  }
  for (const failure of failures) stderr.write(`${styled(stderr, "red", "over the limit:")} ${oneLine(failure)}\n`);
}
