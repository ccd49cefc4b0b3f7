import type { Settings } from "../protocol.js";
import type { ModelState } from "./model-state.js";
import type { Description, Setting } from "./protocol.js";

/** The settings of a tensor as a matrix; if it is kept, only the channel axis. */
export function matrixSettings({ description, plan }: ModelState, tensor: number): Partial<Settings> {
  const planned = plan.tensors[tensor];
  const { shape, channelAxis } = description.tensors[tensor];
  if (!planned.quantize) return { axis: channelAxis };
  const { bits, rule, zeroPoints = false, axis = channelAxis, granularity } = planned;
  const shared = { bits, zeroPoints, ...(rule !== undefined && { rule }) };
  if (typeof granularity !== "object") return { ...shared, granularity, axis };
  const { group, along } = granularity;
  // ONNX may join all dimensions that a channel sums over.
  if (description.format === "onnx" && shape.length > 2) return { ...shared, axis };
  return { ...shared, granularity: "group", group, along, axis: along === 0 ? 1 : 0 };
}

/** Settings of a matrix as a setting for its tensor. */
export function settingFor(
  { bits, rule, zeroPoints, granularity, axis, group, along }: Settings,
  format: Description["format"],
): Setting {
  const shared = { bits, rule, ...(zeroPoints && { zeroPoints }) };
  if (granularity === "tensor") return { ...shared, granularity };
  if (granularity === "channel") return { ...shared, granularity, axis };
  // In ONNX, the axis is that of the channels; groups lie along the dimension that a channel sums over.
  const channelAxis = along === 0 ? 1 : 0;
  return { ...shared, granularity: group, axis: format === "onnx" ? channelAxis : along };
}
