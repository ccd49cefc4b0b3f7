// npm run ocr: three OCR models, quantized in every way that is compared and run in ONNX Runtime's WebAssembly, in one table.

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { evaluate } from "./evaluate.mjs";
import { readCharacters, readOcrModels } from "./packages.mjs";
import { drawPictures } from "./pictures.mjs";
import { quantizeModel, totalSqnr, variants } from "./variants.mjs";

env.wasm.numThreads = 1;

const titles = {
  rec: "recognition of 12 lines",
  det: "detection on a page",
  cls: "orientation of 24 lines",
};

/** @type {Record<string, (figure: number) => string>} */
const shown = {
  characterErrorRate: (rate) => `character error rate ${rate.toFixed(3)}`,
  cosine: (cosine) => `cosine ${cosine.toFixed(4)}`,
  sqnr: (decibels) => (decibels === Infinity ? "same output" : `${decibels.toFixed(1)} dB`),
  overlap: (part) => `mask overlap ${part.toFixed(3)}`,
  agreement: (part) => `same answer ${(100 * part).toFixed(0)} %`,
};

const pictures = await drawPictures();
const characters = await readCharacters();
for (const [model, file] of Object.entries(await readOcrModels())) {
  /** @type {Parameters<typeof evaluate>[2]} */
  const files = { float32: file.bytes };
  const rows = [{ variant: "float32", bytes: file.bytes.length, weights: "", patterns: "" }];
  for (const [variant, rules] of Object.entries(variants)) {
    const { plan, errors, bytes } = await quantizeModel(file, rules);
    files[variant] = bytes;
    const patterns = [
      ...new Set(plan.choices.map(({ pattern, bits, storedBits }) => `${pattern} (${bits} in ${storedBits})`)),
    ];
    rows.push({
      variant,
      bytes: bytes.length,
      weights: `${totalSqnr(errors).toFixed(2)} dB`,
      patterns: patterns.join("; "),
    });
  }
  const name = /** @type {keyof typeof titles} */ (model);
  const figures = await evaluate({ InferenceSession, Tensor }, name, files, pictures, characters);
  console.log(`\n${file.name}, ${titles[name]}\n`);
  for (const { variant, bytes, weights, patterns } of rows) {
    const answers = Object.entries(figures[variant]).map(([figure, value]) => shown[figure](value));
    const columns = [
      variant.padEnd(22),
      bytes.toLocaleString("en-US").padStart(10),
      weights.padStart(9),
      answers.join(", "),
    ];
    console.log(`${columns.join("  ")}${patterns && `  [${patterns}]`}`);
  }
}
process.exit();
