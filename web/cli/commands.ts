import type { OptionName } from "./options.js";

export interface Command {
  readonly operands: string;
  readonly least: number;
  readonly most: number;
  /** The line of the command in the list of commands. */
  readonly summary: string;
  readonly description: string;
  readonly options: readonly OptionName[];
  readonly examples: readonly string[];
}

export const commands = {
  quantize: {
    operands: "IN... [-o OUT]",
    least: 1,
    most: Infinity,
    summary: "quantize the weights of models",
    description: `\
Writes a copy of each model with its weight matrices quantized, and shows their
errors, worst first. Norms, biases, small tensors and the like are kept byte for
byte: --dry-run shows which and why.

IN is a .safetensors, .gguf, .onnx, .npy, .npz, .csv, .tsv or .json file, the
model.safetensors.index.json or the folder of a sharded model, or the model.json
of a TensorFlow.js model. Shards without their index are one model. Without -o
the output is named after the input and written beside it.`,
    options: [
      "output",
      "dialect",
      "type",
      "encoder",
      "arch",
      "convrot",
      "requantize",
      "zero-points",
      "balance",
      "bits",
      "fit",
      "min-sqnr-each",
      "min-output-sqnr",
      "input",
      "scales",
      "axis",
      "granularity",
      "include",
      "exclude",
      "override",
      "opset",
      "minimum-size",
      "target",
      "weight-type",
      "conv-integer",
      "float16",
      "for",
      "shard",
      "threads",
      "dry-run",
      "measure",
      "force",
      "json",
      "help",
    ],
    examples: [
      "channelwise quantize model.safetensors --dialect comfyui",
      "channelwise quantize model-f16.gguf --type Q4_K_M",
      "channelwise quantize flux1-dev.safetensors --type Q4_K_M",
      "channelwise quantize model.onnx --exclude '*first_conv*' --target webgpu",
      "channelwise quantize model.onnx --opset 21 --fit 2.5MB",
      "channelwise quantize model.onnx --min-output-sqnr 30 --input x=1x3x48x320",
      "channelwise quantize bert/onnx/model.onnx --for transformers.js -o bert-js",
      "channelwise quantize voices/*.npy -o voices-int8",
      "channelwise quantize llm/model.safetensors.index.json -o llm-w4a16 \\\n    --dialect compressed-tensors --bits 4 --granularity group:128",
      "channelwise quantize model.safetensors --override '*.fc2.weight=4,,group:32' \\\n    --override 'lm_head.*=keep'",
    ],
  },
  inspect: {
    operands: "FILE",
    least: 1,
    most: Infinity,
    summary: "show the contents of a model file",
    description: `\
Shows the format, the metadata and the tensors of a model, and how quantized
tensors are stored. Warns of what usually gives noise in an image model. Several
files are the shards of one model.`,
    options: ["json", "help"],
    examples: ["channelwise inspect model-int8.safetensors"],
  },
  compare: {
    operands: "A B",
    least: 2,
    most: 2,
    summary: "measure how far the weights of B are from those of A",
    description: `\
Dequantizes the quantized tensors of B, and shows for every tensor how far it is
from A, worst first. Of two .onnx models, the float tensors are compared.
With --run, ONNX Runtime runs both with the same inputs, and the outputs of the
models and of every node with quantized weights are compared. It must be
installed: npm install onnxruntime-web, or onnxruntime-node.`,
    options: ["min-sqnr", "max-error", "run", "input", "min-output-sqnr", "json", "help"],
    examples: [
      "channelwise compare model.safetensors model-int8.safetensors --min-sqnr 30",
      "channelwise compare model.onnx model_int8.onnx",
      "channelwise compare model.onnx model_int8.onnx --run --input x=1x3x48x320",
    ],
  },
  dequantize: {
    operands: "FILE [-o OUT]",
    least: 1,
    most: Infinity,
    summary: "write the floats that a quantized model stands for",
    description: `\
Writes a copy of FILE with floats (code * scale) in place of quantized tensors,
and with everything else byte for byte. An .onnx model stays an .onnx model; all
other files become .safetensors files, a GGUF of floats too. Several files are
shards of one model. Without -o the output is written beside the input.`,
    options: ["output", "float16", "threads", "force", "json", "help"],
    examples: ["channelwise dequantize model-int8.safetensors -o model-float.safetensors"],
  },
  embeddings: {
    operands: "VECTORS.npy [--report] [-o OUT]",
    least: 1,
    most: 1,
    summary: "store embeddings as codes, and show the recall it costs",
    description: `\
VECTORS is an array of floats with a row for each vector. The report shows, for
every precision with and without rescoring, the bytes of a vector and the share
of the closest vectors that are found, of 1, 10 and 100. OUT is an index with
codes, scales and ranges, which loadIndex of channelwise/embeddings reads.`,
    options: ["output", "report", "queries", "precision", "scaling", "ranges", "metric", "force", "json", "help"],
    examples: [
      "channelwise embeddings vectors.npy --report --queries questions.npy",
      "channelwise embeddings vectors.npy -o vectors.index --precision int4 --scaling group",
      "channelwise embeddings vectors.npy -o vectors.index --scaling ranges",
    ],
  },
  split: {
    operands: "FILE [-o FOLDER]",
    least: 1,
    most: Infinity,
    summary: "cut a GGUF into parts, or join its parts",
    description: `\
Writes the parts of a GGUF as gguf-split names and numbers them, such as
model-00001-of-00003.gguf. With --join, FILE is one of the parts or all of them,
and the output equals the file that was split.`,
    options: ["output", "max-size", "join", "force", "json", "help"],
    examples: [
      "channelwise split model.gguf --max-size 500M -o parts",
      "channelwise split --join model-00001-of-00003.gguf",
    ],
  },
  join: {
    operands: "FOLDER",
    least: 1,
    most: 1,
    summary: "write the index of the parts that --shard wrote",
    description: `\
Writes the index.json of the parts in a folder, once all are there. The run of
\`quantize --shard\` that writes the last part does this by itself. Use join for
parts that were written on several disks and copied together.`,
    options: ["force", "json", "help"],
    examples: ["channelwise join llm-int8"],
  },
  page: {
    operands: "",
    least: 0,
    most: 0,
    summary: "serve the page, which does all this in a browser",
    description: `\
Serves the page to the browsers of this machine until it is interrupted. The
page is one file of the package, works without a network and uploads nothing.`,
    options: ["port", "help"],
    examples: ["channelwise page --port 8080"],
  },
} satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;
export const commandNames = Object.keys(commands) as CommandName[];
