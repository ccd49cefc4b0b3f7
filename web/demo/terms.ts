import { byId, html } from "./dom.js";
import type { terms } from "./term-texts.js";

export type Term = keyof typeof terms;

/** A term with its explanation. */
export function term(name: Term, text: string): HTMLElement {
  const button = html("button", { type: "button", class: "term", popovertarget: "term" }, text);
  button.addEventListener("click", async () => {
    const explanation = byId("term", HTMLElement);
    const { left, bottom } = button.getBoundingClientRect();
    explanation.style.left = `${Math.max(8, Math.min(left, innerWidth - 340))}px`;
    explanation.style.top = `${Math.min(bottom + 6, innerHeight - 120)}px`;
    explanation.textContent = (await import("./term-texts.js")).terms[name];
  });
  return button;
}

/** Adds explanations to the marked terms of index.html. */
export function explainTerms() {
  for (const marked of document.querySelectorAll<HTMLElement>("[data-term]")) {
    marked.replaceWith(term(marked.dataset.term as Term, marked.textContent ?? ""));
  }
}
