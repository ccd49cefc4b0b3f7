// The command line of both benchmarks: its options, and the tables that it prints.

import { parseArgs } from "node:util";

/** @typedef {import("./suite.mjs").Measured} Measured */

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
  },
});

/** The options of the suite: --quick (few rounds, no matrix above 64 MB) and --only (a regular expression). */
export const options = { quick: values.quick, only: values.only };

/**
 * A line of the table. Ratios are the medians over the rounds.
 * @typedef {object} Line
 * @property {string} work
 * @property {string} job
 * @property {string} by
 * @property {boolean} exact
 * @property {number} milliseconds median
 * @property {number} weightsPerSecond
 * @property {number} [perCopy] its time divided by that of the copy
 * @property {number} [perCopyQuiet] the same in the quietest round of the two
 * @property {number} [perRows] its time divided by that of channelwise's rows of 4096 x 4096, per weight
 * @property {number} [perRowsQuiet]
 * @property {number} [perChannelwise] for others: its time divided by that of channelwise with reused arrays
 * @property {number} [perThread] for workers: its time divided by that of one thread over the same shared arrays
 * @property {number} [perThreadQuiet]
 */

/**
 * Prints JSON with --json, Markdown with --markdown, and otherwise a plain table.
 * @param {Measured[]} measured
 * @param {string} where
 * @param {Record<string, Record<string, string>>} page figures of the page with large files, by case
 */
export function report(measured, where, page = {}) {
  const lines = measured.map((one) => lineOf(one, measured));
  if (values.json) console.log(JSON.stringify({ where, lines, page }, null, 2));
  else {
    const table = values.markdown ? markdownTables(lines) : plainTable(lines);
    console.log(`${where}; one thread, medians; 8 bits and float32 where it does not say otherwise\n`);
    if (lines.length > 0) console.log(`${table}\n\n${legend}\n`);
    for (const [name, figures] of Object.entries(page)) {
      const texts = Object.entries(figures).map(([figure, text]) => `${figure} ${text}`);
      console.log(`${name.padEnd(30)}  ${texts.join(", ")}`);
    }
  }
}

/**
 * @param {Measured} one
 * @param {Measured[]} all
 * @returns {Line}
 */
function lineOf(one, all) {
  const { work, job, by, exact, count } = one;
  const group = all.filter((other) => other.group === one.group);
  const milliseconds = median(one.samples);
  /** @type {Line} */
  const line = { work, job, by, exact, milliseconds, weightsPerSecond: (count / milliseconds) * 1000 };
  if (by === "set") return line;

  const copy = group.find((other) => other.by === "set" && other.weights === one.weights);
  if (copy) Object.assign(line, { perCopy: ratio(one, copy), perCopyQuiet: quietRatio(one, copy) });
  const channelwise = group.find((other) => other.work === work && other.job === job && other.by === "channelwise");
  if (channelwise && channelwise !== one) line.perChannelwise = ratio(one, channelwise);
  if (!by.startsWith("channelwise")) return line;
  const thread = group.find((other) => other.work === work && other.job === job && other.by === oneThread);
  if (thread && by.startsWith(workers)) {
    Object.assign(line, { perThread: ratio(one, thread), perThreadQuiet: quietRatio(one, thread) });
  }

  const rows = group.find((other) => other.work === "4096 x 4096" && other.job === job && other.by === by);
  if (rows && rows !== one) {
    const perWeight = rows.count / count;
    line.perRows = ratio(one, rows) * perWeight;
    line.perRowsQuiet = quietRatio(one, rows) * perWeight;
  }
  return line;
}

const oneThread = "channelwise, shared arrays";
const workers = "channelwise, workers";

/** The median of the rounds' ratios. */
function ratio(/** @type {Measured} */ a, /** @type {Measured} */ b) {
  return median(a.samples.map((sample, round) => sample / b.samples[round]));
}

/** The ratio in the round in which both came closest to their fastest. */
function quietRatio(/** @type {Measured} */ a, /** @type {Measured} */ b) {
  const [fastestA, fastestB] = [Math.min(...a.samples), Math.min(...b.samples)];
  const disturbance = a.samples.map((sample, round) => Math.max(sample / fastestA, b.samples[round] / fastestB));
  const quietest = disturbance.indexOf(Math.min(...disturbance));
  return a.samples[quietest] / b.samples[quietest];
}

function median(/** @type {number[]} */ numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Prints every figure, a line for each contender. @param {Line[]} lines */
function plainTable(lines) {
  const header = [
    "weights",
    "job",
    "by",
    "time",
    "x set",
    "quietest",
    "x rows",
    "quietest",
    "M weights/s",
    "x channelwise",
    "x thread",
    "quietest",
  ];
  const rows = lines.map((line) => [
    line.work,
    line.job,
    line.by,
    duration(line.milliseconds),
    figure(line.perCopy),
    figure(line.perCopyQuiet),
    figure(line.perRows),
    figure(line.perRowsQuiet),
    String(Math.round(line.weightsPerSecond / 1e6)),
    figure(line.perChannelwise),
    figure(line.perThread),
    figure(line.perThreadQuiet),
  ]);
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column].length)));
  return [header, ...rows]
    .map((row) => row.map((cell, i) => (i > 2 ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join("  "))
    .join("\n");
}

/**
 * The tables of docs/speed.md, a line for each work and job: one thread, other arrays and workers, peers, and rules for
 * scales.
 * @param {Line[]} lines
 */
function markdownTables(lines) {
  /** @type {(line: Line, isMeant: (by: string) => boolean) => Line | undefined} */
  const other = ({ work, job }, isMeant) =>
    lines.find((each) => each.work === work && each.job === job && isMeant(each.by));
  const timed = (/** @type {Line | undefined} */ line) =>
    line ? `${duration(line.milliseconds)} (${figure(line.perChannelwise)} x)` : "";

  const own = lines.filter(({ by }) => by === "channelwise");
  const withPeers = own.filter((line) => other(line, (by) => by === "channelwise, fresh arrays"));
  const ofRules = own.filter((line) => !withPeers.includes(line) && other(line, (by) => by === "JavaScript"));
  return [
    markdownTable(
      ["channelwise", "x set", "x rows"],
      own
        .filter((line) => !ofRules.includes(line))
        .map((line) => [
          ...[line.work, line.job, duration(line.milliseconds)],
          withQuietest(line.perCopy, line.perCopyQuiet),
          withQuietest(line.perRows, line.perRowsQuiet),
        ]),
    ),
    markdownTable(
      ["fresh arrays", "shared arrays", "workers", "x shared"],
      withPeers.map((line) => {
        const byWorkers = other(line, (by) => by.startsWith(workers));
        return [
          ...[line.work, line.job],
          timed(other(line, (by) => by === "channelwise, fresh arrays")),
          timed(other(line, (by) => by === oneThread)),
          byWorkers ? duration(byWorkers.milliseconds) : "",
          withQuietest(byWorkers?.perThread, byWorkers?.perThreadQuiet),
        ];
      }),
    ),
    markdownTable(
      ["JavaScript", "JavaScript, inexact", "onnxruntime-web"],
      withPeers.map((line) => [
        ...[line.work, line.job],
        timed(other(line, (by) => by === "JavaScript")),
        timed(other(line, (by) => by === "JavaScript, inexact")),
        timed(other(line, (by) => by.startsWith("onnxruntime-web"))),
      ]),
    ),
    markdownTable(
      ["channelwise", "a weight", "JavaScript"],
      ofRules.map((line) => [
        ...[line.work, line.job, duration(line.milliseconds), `${figure(1e9 / line.weightsPerSecond)} ns`],
        timed(other(line, (by) => by === "JavaScript")),
      ]),
    ),
  ].join("\n\n");
}

/** @param {string[]} columns of numbers, after weights and job @param {string[][]} rows */
function markdownTable(columns, rows) {
  const alignment = ["---", "---", ...columns.map(() => "---:")];
  return [["weights", "job", ...columns], alignment, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** @param {number | undefined} ratio @param {number | undefined} quietest */
function withQuietest(ratio, quietest) {
  return ratio === undefined ? "" : `${figure(ratio)} (${figure(quietest)})`;
}

const legend = `\
x set: by Float32Array.prototype.set of the same weights into a reused array (Float64Array for float64), the median of the
rounds' ratios; x channelwise: likewise, by channelwise with reused arrays; x rows: a weight, by channelwise's rows of
4096 x 4096; x thread: workers by one thread over the same shared arrays. Quietest: in the round in which both came
nearest to their fastest, since the copy itself drifts, and virtual machines at times put both workers on one core. Arrays are
reused where it does not say fresh. Inexact: with a reciprocal, which gets some codes wrong by one.`;

const figure = (/** @type {number | undefined} */ ratio) => (ratio === undefined ? "" : ratio.toPrecision(3));

const duration = (/** @type {number} */ milliseconds) =>
  milliseconds < 0.1 ? `${(milliseconds * 1000).toPrecision(3)} us` : `${milliseconds.toPrecision(3)} ms`;
