// The ways to quantize a model that are compared, and how their files are made.

import { load } from "channelwise";
import { measureOnnx, planOnnx, readOnnx, writeOnnx } from "channelwise/onnx";

/** @type {Record<string, import("channelwise/onnx").OnnxPolicy>} */
export const variants = {
  "int8, per channel": { minimumSize: 0 },
  "int8, per tensor": { minimumSize: 0, granularity: "tensor" },
  "4 bits, per channel": { minimumSize: 0, bits: 4 },
  "4 bits, per tensor": { minimumSize: 0, bits: 4, granularity: "tensor" },
  "4 bits, groups of 32": { minimumSize: 0, bits: 4, granularity: { group: 32 } },
};
