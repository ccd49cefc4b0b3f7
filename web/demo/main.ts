import { BringView, type Brought, type ModelSource } from "./bring/bring-view.js";
import { SettingsForm } from "./choose/settings-form.js";
import { byId } from "./dom.js";
import { Engine, Interrupted } from "./engine.js";
import { LaterView } from "./later-view.js";
import { ModelPanel } from "./model-panel.js";
import type { Opened, Settings, Source, Summary } from "./protocol.js";
import { CellView } from "./see/cell-view.js";
import { ChannelsView } from "./see/channels-view.js";
import { HeatMapsView } from "./see/heat-maps-view.js";
import { comparison, inShort, totals, unchanged, verdict } from "./see/result-view.js";
import { TablesView } from "./see/tables-view.js";
import { Selection } from "./selection.js";
import { followSkipLinks } from "./skip-links.js";
import { explainTerms } from "./terms.js";
import { trustOwnScripts } from "./trusted-types.js";

/** Milliseconds without a further step of the slider before the work begins. */
const SLIDING_PAUSE = 80;

const results = byId("results", HTMLElement);
const element = (id: string) => byId(id, HTMLElement);

trustOwnScripts();
const engine = new Engine();
const selection = new Selection();
const settings = new SettingsForm((soon) => {
  isChosen = true;
  updateIn(soon ? SLIDING_PAUSE : 0);
});
const maps = new HeatMapsView(element("maps"), engine, selection);
const cell = new CellView(element("one-weight"), engine, selection);
const scaleErrors = new LaterView(element("scale-errors"), async () => {
  const { ScaleErrorsView } = await import("./see/scale-errors-view.js");
  return new ScaleErrorsView(element("scale-errors"), engine, selection);
});
const tables = new TablesView(element("tables"), engine);
const channels = new ChannelsView(element("channels"), engine, selection, (order) => tables.setOrder(order));
const distribution = new LaterView(element("why"), async () => {
  const { DistributionView } = await import("./see/distribution-view.js");
  return new DistributionView(element("why"), element("distribution"), engine, selection);
});
const compare = new LaterView(element("trade-off"), async () => {
  const { CompareView } = await import("./choose/compare-view.js");
  return new CompareView(element("trade-off"), engine, (chosen) => {
    settings.set(chosen);
    updateIn(0);
  });
});
const takeAway = new LaterView(element("take-away"), async () => {
  const { TakeAwayView } = await import("./take-away/take-away-view.js");
  return new TakeAwayView(element("take-away"), engine, whileBusy);
});

const embeddings = new LaterView(element("embeddings"), async () => {
  const { EmbeddingsView } = await import("./embeddings/embeddings-view.js");
  return new EmbeddingsView(element("embeddings"));
});

/** Rows to search among, some of which can be asked for. */
const LEAST_ROWS = 20;

/** The weights that are shown and computed; undefined while the text box is empty. */
let source: Source | undefined;
/** Settings that came with the source. */
let preset: Partial<Settings> = {};
let opened: Opened | undefined;
/** The last result that was shown. */
let shown: { readonly source: Source | undefined; readonly summary: Summary } | undefined;
/** The result is being computed; otherwise the worker may still be writing a file. */
let computing = false;
let timer: ReturnType<typeof setTimeout> | undefined;
/** The person has chosen settings that are not kept yet. */
let isChosen = false;

explainTerms();
followSkipLinks();
engine.onProgress = (stage) => {
  element("stage").textContent = `${stage} …`;
};
engine.onBreakdown = (error) => {
  computing = false;
  putOutOfUse();
  bring.showProblem(error);
};

const bring = new BringView((brought: Brought) => {
  if (brought.source?.kind === "model") {
    openModel(brought.source);
    return;
  }
  models.close();
  ({ source, preset } = brought);
  update();
});

const models = new ModelPanel(
  (tensor, chosen) => {
    results.hidden = true;
    source = { kind: "file", file: tensor.file, of: tensor.of };
    preset = chosen;
    update();
  },
  () => {
    source = undefined;
    engine.interrupt();
    showNothing("");
  },
  () => settings.read(),
);

/** Shows a model in place of whatever was shown. */
async function openModel({ files, others }: ModelSource) {
  source = undefined;
  update();
  showNothing("");
  try {
    const unused = await whileBusy(models.open(files, others));
    if (unused === undefined) return; // something newer is open, or is being opened
    if (unused.length > 0) bring.showUnused(unused);
    element("announcement").textContent = `${document.getElementById("model-heading")?.textContent} is open.`;
  } catch (error) {
    showNothing("This could not be opened.");
    bring.showProblem(error as Error);
  }
}

function updateIn(milliseconds: number) {
  clearTimeout(timer);
  timer = setTimeout(update, milliseconds);
}

/** Opens the source if the worker does not hold it, quantizes it and shows the result. Newer calls stop older ones. */
async function update() {
  clearTimeout(timer);
  engine.interrupt();
  computing = false;
  bring.showProblem(undefined);
  if (source === undefined) {
    showNothing("Paste a matrix, open a file or choose a sample.");
    return;
  }
  try {
    computing = true;
    await whileBusy(openQuantizeAndShow(source));
  } catch (error) {
    if (error instanceof Interrupted) return; // by a newer call, which is computing now, or by the person
    putOutOfUse();
    bring.showProblem(error as Error);
  }
  computing = false;
}

async function openQuantizeAndShow(source: Source) {
  if (engine.opened !== source) {
    opened = await engine.open(source);
    settings.fit(opened, preset);
    preset = {};
    bring.showOpened(opened);
    selection.reset();
    compare.view?.reset();
    const chosen = settings.read();
    if (chosen === undefined)
      results.hidden = true; // it is of other weights
    else await maps.open(opened, chosen.axis);
  }
  const chosen = settings.read();
  if (chosen !== undefined && isChosen) {
    isChosen = false;
    import("./remembered.js").then(({ keepMatrixSettings }) => keepMatrixSettings(chosen));
  }
  if (chosen === undefined) putOutOfUse();
  else await show(await engine.quantize(chosen));
}

/** Resolves when all pictures are up to date but the comparison, which takes its time. */
async function show(summary: Summary) {
  element("nothing").hidden = true;
  if (shown?.summary.settings.axis !== summary.settings.axis) selection.forgetChannel();
  const told = verdict(summary) + unchanged(summary, shown?.source === source ? shown?.summary : undefined);
  shown = { source, summary };
  element("verdict").textContent = told;
  element("in-short").textContent = inShort(summary);
  element("totals").replaceChildren(...totals(summary));
  element("comparison").replaceChildren(comparison(summary));
  results.hidden = false;
  results.inert = false;
  await Promise.all([maps, cell, channels, tables].map((view) => view.show(summary)));
  await Promise.all([
    ...[scaleErrors, distribution].map((view) => view.show(summary)),
    takeAway.show(source as Source, opened as Opened, summary),
  ]);
  compare.show(summary);
  const { shape } = summary;
  element("as-embeddings").hidden = shape.length !== 2 || shape[0] < LEAST_ROWS || shape[1] > 16_384;
  embeddings.show(source as Source, opened as Opened);
  element("announcement").textContent = told;
}

/** Greys out a result of other weights or settings than the current ones. */
function putOutOfUse() {
  results.inert = true;
  element("in-short").textContent = "";
}

function showNothing(reason: string) {
  element("in-short").textContent = "";
  results.hidden = true;
  bring.clearOpened();
  element("nothing").hidden = reason === "";
  element("nothing").textContent = reason;
}

/** Tasks that show the busy sign; the sign goes when the last of them is done. */
let busyTasks = 0;

async function whileBusy<T>(work: Promise<T>): Promise<T> {
  busyTasks++;
  element("busy").hidden = false;
  results.setAttribute("aria-busy", "true");
  try {
    return await work;
  } finally {
    if (--busyTasks === 0) {
      element("busy").hidden = true;
      results.setAttribute("aria-busy", "false");
    }
  }
}

byId("cancel", HTMLButtonElement).addEventListener("click", () => {
  if (computing) {
    engine.interrupt();
    showNothing("Cancelled. Change a setting to start again.");
  } else if (models.isOpening) {
    models.close();
    showNothing("Cancelled. Open it again to start again.");
  } else {
    update(); // Only the writing of a file was cancelled, but with it the worker forgets the result.
  }
});

/** Opens what a link brings, or the example, with the settings of the last visit. */
async function start() {
  const { hash } = location;
  try {
    if (hasKept()) settings.set(await (await import("./remembered.js")).keptMatrixSettings());
    const model = /[#&]model=/.test(hash) ? (await import("./models/model-link.js")).modelLinkedBy(hash) : undefined;
    const linked = hash === "" ? undefined : await (await import("./link.js")).linkedBy(hash);
    if (hash !== location.hash) return; // a newer link was followed
    if (model !== undefined) {
      bring.openText("", {});
      models.expect(model);
      showNothing(`This link has settings for ${model.name}. Open that file to use them.`);
    } else if (linked === undefined) bring.openExample();
    else await bring.openLinked(linked);
  } catch (error) {
    if (hash !== location.hash) return;
    bring.openExample();
    bring.showProblem(error as Error);
  }
}

/** Whether an earlier visit has left something. The code that reads it is loaded only then. */
function hasKept(): boolean {
  try {
    return localStorage.length > 0;
  } catch {
    return false; // the browser refuses
  }
}

addEventListener("hashchange", start);
// Errors that nobody waits for are told as well.
addEventListener("unhandledrejection", ({ reason }) => {
  if (reason instanceof Error) bring.showProblem(reason);
});
start();

// The page itself comes first. Where the browser refuses the service worker, the page does without.
if (import.meta.env.MODE === "production" && "serviceWorker" in navigator) {
  addEventListener("load", () => navigator.serviceWorker.register("./service-worker.js").catch(() => {}));
}
