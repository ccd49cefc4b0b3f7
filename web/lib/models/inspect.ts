import type { Inspection, Model } from "../formats/format.js";
import { kindOf } from "./plan.js";

/**
 * Finds the quantized tensors of a model: by their names, types and shapes, of an .onnx model by its nodes. Of the data only
 * markers and shapes are read. What belongs together and does not fit together is among those that cannot be read.
 */
export function inspectModel(model: Model): Promise<Inspection> {
  return kindOf(model).inspect(model);
}

/**
 * The nodes of an .onnx model that would mean something else if it were raised to a version of ONNX's operators. Where there
 * are none, `planModel` can raise it with the rule `opset`.
 *
 * @param opset from the model's own to 25.
 * @throws {TypeError} for a model of another format.
 */
export function opsetChanges(model: Model, opset: number): string[] {
  const { opsetChanges: changes } = kindOf(model);
  if (changes === undefined) throw new TypeError(`${model.name} is not an .onnx model`);
  return changes(opset);
}
