import { html, scrollRegion } from "../../dom.js";
import { decibels } from "../../format.js";
import { evidence, models } from "./evidence.js";
import { energyLost, percent } from "./verdict.js";

/** An answer to the question what a good loss is, by what losses did to the answers of real models. */
export function goodLosses(): HTMLElement {
  const heads = ["Model", "Energy lost", "SQNR", "Answers kept", "Weights"];
  const rows = evidence.map(({ model, way, sqnr, kept }) => {
    const cells = [percent(energyLost(sqnr)), decibels(sqnr), `${(100 * kept).toFixed(1)} %`, way];
    return html("tr", {}, html("th", { scope: "row" }, model), ...cells.map((text) => html("td", {}, text)));
  });
  const table = html(
    "table",
    {},
    html("thead", {}, html("tr", {}, ...heads.map((text) => html("th", { scope: "col" }, text)))),
    html("tbody", {}, ...rows),
  );
  return html(
    "details",
    { id: "good-losses" },
    html("summary", {}, "What is a good loss?"),
    html(
      "p",
      {},
      "A good loss leaves the answers as they are, and models differ: at 1 %, one of these three keeps nearly all its ",
      "answers, and another none. ",
      html("code", {}, "npm run ocr"),
      " in the repository measures these figures on models of PP-OCR.",
    ),
    scrollRegion("Losses and answers", table),
    html("p", {}, `${Object.values(models).join(". ")}.`),
    html(
      "p",
      {},
      "The energy of weights is the sum of their squares. The sum of the squared errors is the energy lost: ",
      "20 dB is 1 %, 30 dB 0.1 % and 40 dB 0.01 %.",
    ),
  );
}
