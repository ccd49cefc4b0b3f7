import { html, scrollRegion } from "../dom.js";
import { bytes, count, decibels, digits } from "../format.js";
import type { Assessment, Cost, Settings, Summary } from "../protocol.js";
import { term } from "../terms.js";

/** The assessment of the granularity that was chosen. */
export function chosenOf({ assessments, settings }: Summary): Assessment {
  return assessments.find(({ granularity }) => granularity === settings.granularity) as Assessment;
}

export function granularityName({ granularity, group }: Pick<Settings, "granularity" | "group">): string {
  return granularity === "group" ? `in groups of ${group}` : `per ${granularity}`;
}

/** The result in one sentence. */
export function inShort(summary: Summary): string {
  const { settings, weightBytes } = summary;
  const chosen = chosenOf(summary);
  const size = `${bytes(weightBytes)} become ${bytes(bytesOf(chosen))}`;
  const zeros = settings.zeroPoints ? " with zero points" : "";
  return `${settings.bits} bits ${granularityName(settings)}${zeros}: ${size}, SQNR ${decibels(chosen.sqnr)}.`;
}

/** The result in two sentences. */
export function verdict(summary: Summary): string {
  const { settings, assessments } = summary;
  const result = inShort(summary);
  if (assessments.every(({ worst }) => worst.sqnr === Infinity)) {
    return `${result} No channel loses anything, with any of the scales.`;
  }
  const scales = {
    channel: "with a scale of its own",
    tensor: "with one scale for all",
    group: `in groups of ${settings.group}`,
  };
  const kept = assessments.map(({ granularity, worst: { channel, sqnr } }) => {
    const much = sqnr === Infinity ? "everything" : `${decibels(sqnr)} (${channel})`;
    return `${much} ${scales[granularity]}`;
  });
  return `${result} The worst channel keeps ${new Intl.ListFormat("en").format(kept)}.`;
}

/** Says so where other settings for the same weights cost what those before did. */
export function unchanged(summary: Summary, before: Summary | undefined): string {
  if (before === undefined || JSON.stringify(summary.settings) === JSON.stringify(before.settings)) return "";
  const { mse, maxError, sqnr, codeBytes, scaleBytes } = chosenOf(summary);
  const was = chosenOf(before);
  const isSame =
    mse === was.mse && maxError === was.maxError && sqnr === was.sqnr && codeBytes + scaleBytes === bytesOf(was);
  return isSame ? " The last change made no difference." : "";
}

export function totals(summary: Summary): HTMLElement[] {
  const chosen = chosenOf(summary);
  const tile = (name: string | Node, value: string, note: string) =>
    html("div", {}, html("dt", {}, name), html("dd", {}, value), html("dd", { class: "note" }, note));
  return [
    tile(term("sqnr", "SQNR"), decibels(chosen.sqnr), "signal to error"),
    tile(term("mse", "MSE"), digits(chosen.mse, 6), "mean squared error"),
    tile("Max error", digits(chosen.maxError, 6), "largest |weight − dequantized|"),
    tile("Bytes before", bytes(summary.weightBytes), `the weights as ${summary.arithmetic}`),
    tile(
      "Bytes after",
      bytes(bytesOf(chosen)),
      `${bytes(chosen.codeBytes)} of integers, ${bytes(chosen.scaleBytes)} of scales${summary.settings.zeroPoints ? " and zero points" : ""}`,
    ),
    tile(
      summary.settings.bits % 8 === 0 ? "Ratio" : term("packed", "Ratio"),
      ratio(summary, chosen),
      packedNote(summary, chosen),
    ),
  ];
}

/** A table of all granularities. */
export function comparison(summary: Summary): HTMLElement {
  const { assessments, settings } = summary;
  const headers = assessments.map((assessment) => {
    const text = granularityName({ ...settings, granularity: assessment.granularity });
    const chosen = assessment.granularity === settings.granularity;
    const label = chosen ? [text, html("span", { class: "note" }, "chosen")] : [text];
    return html("th", { scope: "col", ...(chosen ? { class: "chosen" } : {}) }, ...label);
  });
  const row = (name: string, value: (assessment: Assessment) => string) =>
    html(
      "tr",
      {},
      html("th", { scope: "row" }, name),
      ...assessments.map((assessment) =>
        html("td", assessment.granularity === settings.granularity ? { class: "chosen" } : {}, value(assessment)),
      ),
    );
  const table = html(
    "table",
    { class: "comparison" },
    html("caption", {}, `What ${settings.bits} bits cost with each choice of scales`),
    html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "Figure"), ...headers)),
    html(
      "tbody",
      {},
      row("SQNR", ({ sqnr }) => decibels(sqnr)),
      row("Worst channel", ({ worst }) => decibels(worst.sqnr)),
      row("MSE", ({ mse }) => digits(mse, 6)),
      row("Max error", ({ maxError }) => digits(maxError, 6)),
      row("Scales", ({ scales }) => count(scales)),
      row("Bytes", (assessment) => count(bytesOf(assessment))),
      row("Ratio", (assessment) => ratio(summary, assessment)),
    ),
  );
  return scrollRegion("Comparison", table);
}

/** The bytes of the saved integers and scales. */
export function bytesOf({ codeBytes, scaleBytes }: Cost): number {
  return codeBytes + scaleBytes;
}

function ratio({ weightBytes }: Summary, assessment: Assessment): string {
  return `${(weightBytes / bytesOf(assessment)).toFixed(2)} : 1`;
}

function packedNote({ settings: { bits } }: Summary, { packedBytes }: Assessment): string {
  if (bits % 8 === 0) return "before to after";
  return `${bits}-bit integers packed would take ${bytes(packedBytes)}`;
}
