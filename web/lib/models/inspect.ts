import type { Inspection, Model } from "../formats/format.js";
import { kindOf } from "./plan.js";

/**
 * Finds the quantized tensors of a model by names, types and shapes, or by the nodes of an .onnx model. Only markers
 * and stored shapes are read of the data. Tensors that belong together but do not fit are reported as unreadable.
 */
export function inspectModel(model: Model): Promise<Inspection> {
  return kindOf(model).inspect(model);
}

/**
 * The nodes of an .onnx model for which a version of ONNX's operators has nothing that means the same. If there are
 * none, `planModel` can raise it with the rule `opset`.
 *
 * @param opset the new version, from the model's own to 25.
 * @throws {TypeError} for a model of another format.
 */
export function opsetChanges(model: Model, opset: number): string[] {
  const { opsetChanges: changes } = kindOf(model);
  if (changes === undefined) throw new TypeError(`${model.name} is not an .onnx model`);
  return changes(opset);
}
