import { html } from "../../dom.js";
import type { Filling, Input } from "./protocol.js";

const kinds = { random: "random", ones: "all ones", file: "from a .npy file" } as const;

/**
 * Default sizes for dimensions that a model leaves open: one example, and a multiple of the factors by which layers
 * usually reduce sizes.
 */
const OPEN_BATCH = 1;
const OPEN_SIZE = 64;

/** The form for the contents of one input of a model. */
export class InputForm {
  readonly element: HTMLElement;
  readonly input: Input;
  readonly #kind: HTMLSelectElement;
  readonly #sizes: readonly HTMLInputElement[];
  readonly #file: HTMLInputElement;

  /** @param place the index among the inputs */
  constructor(input: Input, place: number) {
    const { name, type, shape } = input;
    this.input = input;
    const id = (part: string) => `input-${place}-${part}`;
    const texts: Record<string, string> = {
      ...kinds,
      random: type.startsWith("float") ? "random, −1 to 1" : "random, 0 to 99",
    };
    this.#kind = html(
      "select",
      { id: id("kind") },
      ...Object.entries(texts).map(([value, text]) => html("option", { value }, text)),
    );
    this.#file = html("input", { type: "file", id: id("file"), accept: ".npy" });
    this.#sizes = shape.map((size, axis) =>
      html("input", {
        type: "number",
        id: id(String(axis)),
        min: "1",
        step: "1",
        inputmode: "numeric",
        value: String(typeof size === "number" ? size : axis === 0 ? OPEN_BATCH : OPEN_SIZE),
      }),
    );
    const open = shape.flatMap((size, axis) =>
      typeof size === "string" ? [labelled(size || `axis ${axis}`, this.#sizes[axis])] : [],
    );
    const sizes = html("div", { class: "sizes" }, ...open);
    const file = labelled("File", this.#file);
    this.element = html(
      "fieldset",
      { class: "model-input" },
      html("legend", {}, `${name}: ${type} [${shape.join(", ")}]`),
      labelled("Filled", this.#kind),
      sizes,
      file,
    );
    const show = () => {
      file.hidden = this.#kind.value !== "file";
      sizes.hidden = this.#kind.value === "file" || open.length === 0;
    };
    this.#kind.addEventListener("change", show);
    show();
  }

  /** @throws {Error} where a file or a size is missing. */
  read(): Filling {
    const { name } = this.input;
    if (this.#kind.value === "file") {
      const file = this.#file.files?.[0];
      if (file === undefined) throw new Error(`Choose the .npy file for input ${name}.`);
      return { file };
    }
    const shape = this.#sizes.map(({ valueAsNumber }) => valueAsNumber);
    if (!shape.every((size) => Number.isInteger(size) && size >= 1)) {
      throw new Error(`The sizes of input ${name} must be whole numbers from 1 up.`);
    }
    return { kind: this.#kind.value as "random" | "ones", shape };
  }
}

function labelled(text: string, control: HTMLElement): HTMLElement {
  return html("div", {}, html("label", { for: control.id }, text), control);
}
