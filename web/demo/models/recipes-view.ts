import { download, html } from "../dom.js";
import { fragmentOfModel } from "./model-link.js";
import type { ModelState } from "./model-state.js";
import { code, command } from "./recipes.js";

/** Offers a report, a link, a command and code. */
export class RecipesView {
  readonly elements: readonly HTMLElement[];
  readonly #code = html("code");
  readonly #command = html("code");
  readonly #gguf = html(
    "p",
    { class: "hint" },
    "The page does not make a GGUF of a language model in .safetensors. Open the F16 GGUF that most models publish, or one that convert_hf_to_gguf.py of llama.cpp has made.",
  );

  /** @param state of the model that is open */
  constructor(state: () => ModelState | undefined) {
    const told = html("p", { class: "hint told", role: "status" });
    const report = html("button", { type: "button" }, "Save a report");
    report.addEventListener("click", async () => {
      const shown = state();
      if (shown === undefined) return;
      const name = `${shown.description.name}.report.html`;
      const { modelReport } = await import("./report.js");
      download(modelReport(shown), name);
      told.textContent = `${name} is in your downloads.`;
    });
    const link = html("button", { type: "button" }, "Copy a link");
    link.addEventListener("click", async () => {
      const shown = state();
      if (shown === undefined) return;
      const fragment = fragmentOfModel(shown);
      if (fragment === undefined) {
        told.textContent = "A link cannot hold so many choices for single tensors. The command has them.";
        return;
      }
      const address = new URL(fragment, location.href).href;
      told.textContent = (await copied(address))
        ? `Link copied. It restores these settings where ${shown.description.name} is opened.`
        : `This is the link: ${address}`;
    });
    this.elements = [
      html("div", { class: "run-buttons" }, report, link),
      told,
      recipe("Command line", "This writes the same file as Save.", this.#command),
      recipe("Code", "This code does the same in Node, with the npm package channelwise.", this.#code),
      this.#gguf,
    ];
  }

  show(state: ModelState) {
    this.#code.textContent = code(state);
    this.#command.textContent = command(state);
    const { format, hasTypes } = state.description;
    this.#gguf.hidden = format !== "safetensors" || hasTypes === true;
  }
}

/** Text to be run elsewhere, and a button that copies it. */
function recipe(name: string, note: string, shown: HTMLElement): HTMLElement {
  const told = html("span", { role: "status" });
  const copy = html("button", { type: "button", "aria-label": `Copy ${name.toLowerCase()}` }, "Copy");
  copy.addEventListener("click", async () => {
    told.textContent = (await copied(shown.textContent ?? "")) ? " Copied." : " Select it to copy it.";
  });
  return html(
    "section",
    { class: "recipe" },
    html("div", {}, html("h3", {}, name), copy),
    html("pre", { tabindex: "0", "aria-label": name }, shown),
    html("p", { class: "hint" }, note, told),
  );
}

/** Copies a text, and tells whether it could: pages without https have no clipboard, and a browser may refuse. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
