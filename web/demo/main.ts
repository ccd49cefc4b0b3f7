import { byId } from "./dom.js";
import { Engine, Interrupted, TaskError } from "./engine.js";
import { example } from "./example.js";
import { bytes, shapeText } from "./format.js";
import { Picture } from "./picture.js";
import type { Opened, Source, Summary } from "./protocol.js";
import { loadSamples } from "./samples.js";
import { SettingsForm } from "./settings-form.js";
import { comparison, totals, verdict } from "./summary-view.js";
import { TablesView } from "./tables-view.js";
import { TakeAwayView } from "./take-away-view.js";

/** Longer pasted text is treated as a file: a text box of megabytes freezes every browser. */
const MAX_TYPED = 200_000;

/** Milliseconds without a further keystroke or step of the slider before the work begins. */
const TYPING_PAUSE = 250;
const SLIDING_PAUSE = 80;

const text = byId("text", HTMLTextAreaElement);
const file = byId("file", HTMLInputElement);
const samples = byId("sample", HTMLSelectElement);
const results = byId("results", HTMLElement);

const engine = new Engine();
const picture = new Picture(byId("picture", HTMLElement));
const tables = new TablesView(byId("tabs", HTMLElement), byId("panel", HTMLElement), engine);
const takeAway = new TakeAwayView(byId("take-away", HTMLElement), byId("taken", HTMLElement), engine, whileBusy);
const settings = new SettingsForm((soon) => updateIn(soon ? SLIDING_PAUSE : 0));

/** What is shown and computed; undefined while the text box is empty and nothing is open. */
let source: Source | undefined;
/** The text box has changed since its text became the source. */
let textChanged = false;
/** The result is being computed; otherwise the worker may still be writing a file. */
let computing = false;
/** The channel axis that a newly chosen sample asks for. */
let sampleAxis: number | undefined;
let opened: Opened | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

engine.onProgress = (stage) => {
  byId("stage", HTMLElement).textContent = `${stage} …`;
};

function updateIn(milliseconds: number) {
  clearTimeout(timer);
  timer = setTimeout(update, milliseconds);
}

/** Opens the source if the worker does not hold it, quantizes it and shows the result. Newer calls stop older ones. */
async function update() {
  clearTimeout(timer);
  engine.interrupt();
  computing = false;
  if (textChanged) source = textSource();
  textChanged = false;
  showProblem(undefined);
  if (source === undefined) {
    showNothing("Paste a matrix, open a file or choose a sample to see what quantization does to it.");
    return;
  }
  try {
    computing = true;
    const summary = await whileBusy(openAndQuantize(source));
    if (summary === undefined) results.inert = true;
    else show(summary);
  } catch (error) {
    if (error instanceof Interrupted) return; // by a newer call, which is computing now, or by the person
    results.inert = true;
    showProblem(error as Error);
  }
  computing = false;
}

async function openAndQuantize(source: Source): Promise<Summary | undefined> {
  if (engine.opened !== source) {
    opened = await engine.open(source);
    settings.fit(opened, sampleAxis);
    sampleAxis = undefined;
    byId("understood", HTMLElement).textContent = `${shapeText(opened.shape)}, ${opened.layout}`;
  }
  const chosen = settings.read();
  return chosen && engine.ask("quantize", chosen);
}

function show(summary: Summary) {
  byId("nothing", HTMLElement).hidden = true;
  byId("verdict", HTMLElement).textContent = verdict(summary);
  byId("totals", HTMLElement).replaceChildren(...totals(summary));
  byId("comparison", HTMLElement).replaceChildren(comparison(summary));
  results.hidden = false;
  results.inert = false;
  picture.show(summary.bars);
  tables.show(summary);
  takeAway.show(opened as Opened, summary);
  byId("announcement", HTMLElement).textContent = verdict(summary);
}

function showNothing(reason: string) {
  results.hidden = true;
  byId("understood", HTMLElement).textContent = "";
  byId("nothing", HTMLElement).hidden = false;
  byId("nothing", HTMLElement).textContent = reason;
}

function showProblem(error: Error | undefined) {
  byId("input-problem", HTMLElement).hidden = error === undefined;
  byId("input-error", HTMLElement).textContent = error?.message ?? "";
  text.setAttribute("aria-invalid", String(error !== undefined && source?.kind === "text"));
  if (error !== undefined) byId("understood", HTMLElement).textContent = "";

  const range = error instanceof TaskError && source?.kind === "text" ? error.range : undefined;
  const button = byId("show-problem", HTMLButtonElement);
  button.hidden = range === undefined;
  button.onclick = () => {
    const [start, length] = range as readonly [number, number];
    text.focus();
    text.setSelectionRange(start, start + length);
  };
}

/** Tasks that show the busy sign; the sign goes when the last of them is done. */
let busyTasks = 0;

async function whileBusy<T>(work: Promise<T>): Promise<T> {
  busyTasks++;
  byId("busy", HTMLElement).hidden = false;
  results.setAttribute("aria-busy", "true");
  try {
    return await work;
  } finally {
    if (--busyTasks === 0) {
      byId("busy", HTMLElement).hidden = true;
      results.setAttribute("aria-busy", "false");
    }
  }
}

/** Shows the text box, or the open file in its place. */
function showSource(name?: string, description = "") {
  byId("pasted", HTMLElement).hidden = name !== undefined;
  byId("opened", HTMLElement).hidden = name === undefined;
  byId("opened-name", HTMLElement).textContent = name ?? "";
  byId("opened-description", HTMLElement).textContent = description;
}

function textSource(): Source | undefined {
  return text.value.trim() === "" ? undefined : { kind: "text", text: text.value };
}

function openText() {
  textChanged = true;
  showSource();
  update();
}

function openFile(chosen: File) {
  textChanged = false;
  source = { kind: "file", file: chosen };
  samples.value = "";
  showSource(chosen.name, bytes(chosen.size));
  update();
}

text.addEventListener("input", () => {
  samples.value = "";
  textChanged = true;
  updateIn(TYPING_PAUSE);
});

text.addEventListener("paste", (event) => {
  const pasted = event.clipboardData?.getData("text/plain") ?? "";
  if (pasted.length <= MAX_TYPED) return;
  event.preventDefault();
  openFile(new File([pasted], "pasted text"));
});

file.addEventListener("change", () => {
  if (file.files?.[0]) openFile(file.files[0]);
  file.value = ""; // so that the same file can be opened again after it has changed
});

document.addEventListener("dragover", (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  document.body.classList.remove("dropping");
  const dropped = event.dataTransfer?.files[0];
  if (dropped === undefined) return;
  event.preventDefault();
  openFile(dropped);
});

byId("close", HTMLButtonElement).addEventListener("click", () => {
  samples.value = "";
  openText();
  text.focus();
});

byId("cancel", HTMLButtonElement).addEventListener("click", () => {
  if (computing) {
    engine.interrupt();
    showNothing("Cancelled. Change a setting to start again.");
  } else {
    update(); // Only the writing of a file was cancelled, but with it the worker forgets the result.
  }
});

loadSamples(samples, (sample) => {
  if (sample === "example") {
    text.value = example;
    sampleAxis = 0;
    openText();
    return;
  }
  textChanged = false;
  source = { kind: "sample", name: sample.name, url: sample.url };
  sampleAxis = sample.axis;
  showSource(sample.name, `${sample.description} (${sample.source})`);
  update();
});
text.value = example;
samples.value = "example";
openText();
