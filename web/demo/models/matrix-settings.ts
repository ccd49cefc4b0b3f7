import type { Settings } from "../protocol.js";
import type { ModelState } from "./model-state.js";
import type { Description, Setting } from "./protocol.js";

/** How a tensor is quantized, as settings for it as a matrix; where it is kept, the channel axis alone. */
export function matrixSettings({ description, plan }: ModelState, tensor: number): Partial<Settings> {
  const planned = plan.tensors[tensor];
  const { shape, channelAxis } = description.tensors[tensor];
  if (!planned.quantize) return { axis: channelAxis };
  const { bits, axis = channelAxis, granularity } = planned;
  if (typeof granularity !== "object") return { bits, granularity, axis };
  const { group, along } = granularity;
  // ONNX may join all dimensions that a channel sums over.
  if (description.format === "onnx" && shape.length > 2) return { bits, axis };
  return { bits, granularity: "group", group, along, axis: along === 0 ? 1 : 0 };
}

/** Settings of a matrix as a setting of the tensor that it is. */
export function settingFor(
  { bits, granularity, axis, group, along }: Settings,
  format: Description["format"],
): Setting {
  if (granularity === "tensor") return { bits, granularity };
  if (granularity === "channel") return { bits, granularity, axis };
  // The axis of ONNX is that of the channels; groups lie along what a channel sums over.
  const channelAxis = along === 0 ? 1 : 0;
  return { bits, granularity: group, axis: format === "onnx" ? channelAxis : along };
}
