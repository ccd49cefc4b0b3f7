import type { Settings } from "../protocol.js";
import type { ModelState } from "./model-state.js";
import type { Description, Setting } from "./protocol.js";

/** How a tensor is quantized, as settings for it as a matrix; nothing where it is kept. */
export function matrixSettings({ description, plan }: ModelState, tensor: number): Partial<Settings> {
  const planned = plan.tensors[tensor];
  if (!planned.quantize) return {};
  const { bits, axis, granularity } = planned;
  if (typeof granularity !== "object") return { bits, granularity, ...(axis === undefined ? {} : { axis }) };
  const { group, along } = granularity;
  const { shape } = description.tensors[tensor];
  // In ONNX all dimensions that a channel sums over may be joined.
  if (description.format === "onnx" && shape.length > 2) return { bits };
  return { bits, granularity: "group", group, along, axis: along === 0 ? 1 : 0 };
}

/** Settings of a matrix as a setting of the tensor that it is. */
export function settingFor(
  { bits, granularity, axis, group, along }: Settings,
  format: Description["format"],
): Setting {
  if (granularity === "tensor") return { bits, granularity };
  if (granularity === "channel") return { bits, granularity, axis };
  // In ONNX groups lie along what the channel of that axis sums over.
  return { bits, granularity: group, axis: format === "onnx" ? axis : along };
}
