import { architectureNames, scaleRules } from "channelwise/models";

/** An option of the command line, for parsing and for --help. */
export interface Option {
  /** The name of its value in the help; without it, the option takes no value. */
  readonly value?: string;
  readonly short?: string;
  readonly multiple?: boolean;
  readonly help: string;
}

export const options = {
  output: {
    value: "OUT",
    short: "o",
    help: "file to write, or folder to write into (a name without an ending); folders that do not exist are made",
  },
  dialect: {
    value: "NAME",
    help: "how quantized tensors are stored: plain (default), comfyui, compressed-tensors, compressed-tensors-w8a8, npz (the default if OUT ends with .npz)",
  },
  type: {
    value: "TYPE",
    help: "write a GGUF of this type, such as Q4_K_M or Q8_0, from a GGUF, byte for byte as llama-quantize does, or from an image model in .safetensors, for ComfyUI-GGUF",
  },
  encoder: {
    value: "NAME",
    help: "how the codes of a GGUF are chosen: ggml (default), byte for byte as ggml does, or search, with smaller squared errors in as many bytes",
  },
  arch: {
    value: "NAME",
    help: `the architecture of an image model, which decides what stays floats: ${architectureNames.join(", ")}, or a .json file of your own; by default the tensors tell it`,
  },
  convrot: {
    help: "rotate rows of 256 weights for ComfyUI (ConvRot) in each layer that loses less so; only with --dialect comfyui",
  },
  requantize: { help: "take a GGUF that is quantized already, which adds to its errors" },
  bits: {
    value: "N",
    help: "bits of a code, 2 to 16 if the dialect holds them (default 8); fewer than 8 make a smaller file only in compressed-tensors and .onnx",
  },
  fit: {
    value: "SIZE",
    help: "choose the settings of each tensor so that the files take no more: 2.5MB, or 4.5bpw (bits a weight), or that the mean of the tensors has an SQNR: 30dB",
  },
  "min-sqnr-each": { value: "DB", help: "choose for each tensor the smallest settings with this SQNR" },
  scales: {
    value: "RULE",
    help: `how the range of some weights becomes their scale: ${scaleRules.join(", ")} (default ${scaleRules[0]})`,
  },
  "zero-points": {
    help: "quantize between the least and the largest weight, with a zero point for each scale (plain, npz, compressed-tensors, .onnx)",
  },
  balance: {
    help: "round some weights the other way, so that the errors of each group add up to at most half a scale: some 0.3 dB worse, and answers that may be better or worse; with groups of at most 1024",
  },
  axis: { value: "N", help: "the channel axis, negative from the end (default 0; the last in TensorFlow.js models)" },
  granularity: {
    value: "G",
    help: "what shares a scale: channel (default), tensor, or group:N[@AXIS], N neighbours along an axis (default -1)",
  },
  include: {
    value: "PATTERN",
    multiple: true,
    help: "quantize tensors whose names match, even if they would be kept; * is any text, ? a character",
  },
  exclude: { value: "PATTERN", multiple: true, help: "keep tensors whose names match as they are" },
  override: {
    value: "PATTERN=HOW",
    multiple: true,
    help: "give tensors whose names match settings of their own: BITS,AXIS,GRANULARITY,SCALES,ZERO-POINTS,BALANCE (each may be left out; ZERO-POINTS is zero-points or symmetric, BALANCE is balance or nearest), for a GGUF a type of blocks such as Q6_K, or keep",
  },
  opset: {
    value: "N",
    help: "raise an .onnx model to this version of ONNX's operators, of which the nodes are written so that they compute the same; from 21 on, codes of 4 bits are packed",
  },
  "minimum-size": {
    value: "N",
    help: "keep weights of fewer elements in an .onnx model as they are (default 1024)",
  },
  target: {
    value: "NAME",
    help: "where an .onnx model is to run, which decides the form of its weights: wasm (onnxruntime-web; default), webgpu, native (ONNX Runtime elsewhere) or portable (operators of ONNX only, for any runtime)",
  },
  "weight-type": {
    value: "TYPE",
    help: "int8 or uint8: the type of the codes of MatMulInteger in an .onnx model (default uint8 for native, since some x86 processors multiply int8 wrongly there, and int8 elsewhere)",
  },
  "conv-integer": {
    help: "write Conv of an .onnx model as ConvInteger, as quantize_dynamic does, whose activations become int8 too; for the targets wasm and native (in onnxruntime-web it is slower than float)",
  },
  float16: {
    help: "make what stays float in an .onnx model float16, whose inputs and outputs stay float32; dequantize: write the weights as float16",
  },
  for: {
    value: "LOADER",
    help: "transformers.js: write the folder that it loads an .onnx model from, with a file for each of its types (q8, int8, uint8, q4, q4f16, fp16) and copies of config and tokenizer",
  },
  shard: {
    value: "K/N",
    help: "write only part K of N: some tensors of one model, or some of several files",
  },
  precision: { value: "NAME", help: "how a number is stored: int8 (default), int4 or binary" },
  scaling: {
    value: "NAME",
    help: "what codes are scaled by: row (default), group (16 neighbours, with int4), unit (vectors of length 1) or ranges of each dimension, which are written beside the index",
  },
  ranges: { value: "FILE", help: "ranges to use, a .json that --scaling ranges wrote" },
  metric: { value: "NAME", help: "how close two vectors are: cosine (default), dot or euclid" },
  report: { help: "show the recall that every precision costs (done also without -o)" },
  queries: {
    value: "FILE",
    help: "vectors to ask for in the report (default: 200 of the vectors, which are left out)",
  },
  "max-size": { value: "N", help: "the most bytes of tensors in a part, such as 500M or 2G (default 2000M)" },
  join: { help: "write one file of the parts" },
  threads: { value: "N", help: "worker threads, 1 to 64 (default: one for each core)" },
  "dry-run": { help: "show what would happen to every tensor, and write nothing" },
  measure: { help: "find the errors of every tensor, and write nothing" },
  "min-sqnr": { value: "DB", help: "exit with code 3 if a tensor has a lower SQNR" },
  "max-error": { value: "E", help: "exit with code 3 if a weight differs by more" },
  run: { help: "run two .onnx models, and compare what their nodes compute, worst first" },
  input: {
    value: "NAME=VALUE",
    multiple: true,
    help: "an input of the .onnx models that are run: a .npy file, or a shape such as 1x3x48x320 for random numbers, which inputs that are not given get (with 1 for sizes that the model leaves open)",
  },
  "min-output-sqnr": {
    value: "DB",
    help: "quantize: keep single nodes of an .onnx model float until each output has this SQNR, found by running it in ONNX Runtime (exit with code 3 if none do); compare --run: exit with code 3 if an output has a lower SQNR",
  },
  port: { value: "N", help: "port of this machine at which the page is served, 0 for any that is free (default 4173)" },
  force: { help: "replace files that exist" },
  json: { help: "print one JSON object on standard output, and no tables" },
  help: { short: "h", help: "show this help" },
  version: { help: "show the version" },
} satisfies Record<string, Option>;

export type OptionName = keyof typeof options;

/** The values given: a text, all texts of an option that can be repeated, or true. */
export type Values = {
  readonly [N in OptionName]?: (typeof options)[N] extends { multiple: true }
    ? readonly string[]
    : (typeof options)[N] extends { value: string }
      ? string
      : true;
};
