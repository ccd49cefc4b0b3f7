import type { Model, ModelTensor, Plan } from "channelwise/models";

/**
 * The tensors that a plan quantizes, in the order of the model: the decision, with the scheme's properties beside it.
 */
export function quantizedBy({ decisions }: Plan) {
  return decisions.flatMap((decision) => (decision.quantize ? [{ ...decision, ...decision.scheme }] : []));
}

/** The tensors that a plan keeps, and why. */
export function keptBy({ model, decisions }: Plan) {
  return decisions.flatMap((decision, i) => {
    const { name, dtype, shape, byteLength } = model.tensors[i];
    return decision.quantize ? [] : [{ name, dtype, shape, byteLength, reason: decision.reason }];
  });
}

/** The weights of an ONNX model, which its nodes use. */
export function weightsOf({ tensors }: Model): (ModelTensor & { readonly axis: number })[] {
  return tensors.filter(({ reason }) => reason === undefined) as (ModelTensor & { readonly axis: number })[];
}

/** The other float tensors of an ONNX model. */
export function othersOf({ tensors }: Model): ModelTensor[] {
  return tensors.filter(({ reason }) => reason !== undefined);
}
