import type { NewNode, NewTensor } from "../file/encode.js";
import { dataType } from "../file/proto.js";
import { int64s } from "./chain.js";
import { codeTypeOf, type Form, symmetricZeros } from "./form.js";
import { integerProduct, replacedBy, storedNames, whyNoIntegers } from "./integer-product.js";
import { storageNotes } from "./layouts.js";

// Writes what quantize_dynamic of ONNX Runtime's tools makes of Conv, with the same names of nodes and tensors
// (onnxruntime/python/tools/quantization/operators/conv.py), where it is asked for.

/**
 * Conv becomes ConvInteger of the weight's codes and codes of the activations, followed by an Add for its bias. With a
 * scale per channel, which that tool does not write, scales have the dimensions of an output of one example.
 */
export const dynamicConv: Form = {
  pattern: "ConvInteger",
  wayOf(weight, wish) {
    const { bits, axis, granularity, zeroPoints, weightType, convInteger } = wish;
    if (!convInteger) return "ConvInteger is written where it is asked for";
    const why = whyNoIntegers("ConvInteger", wish);
    if (why !== undefined) return why;
    if (typeof granularity === "object") return "ConvInteger takes no groups";
    if (weight.dtype !== "float32") return `DynamicQuantizeLinear takes float32, not ${weight.dtype}`;
    const { consumers } = weight.place;
    const isConv = consumers.every(
      ({ use: { node, input }, via }) =>
        node.operator === "Conv" && node.domain === "" && input === 1 && via.length === 0,
    );
    if (!isConv) return "ConvInteger is written for weights that Conv alone uses";
    if (granularity === "channel" && axis !== 0) return `ConvInteger has its scales along axis 0, not ${axis}`;
    if (granularity === "channel" && zeroPoints) return "ConvInteger takes one zero point";
    return {
      scheme: { bits, axis: granularity === "channel" ? axis : undefined, granularity, scaleType: "float32" },
      quantizedShape: weight.shape,
      storedBits: 8,
      unsigned: weightType === "uint8",
      notes: storageNotes(wish, 8),
      zeroPointBytes: 1,
    };
  },
  replacementOf(choice, { codes, scales, zeroPoints, scaleShape }, names) {
    const { weight, scheme } = choice;
    const { name, shape, place } = weight;
    const type = codeTypeOf(choice);
    const stored = storedNames(name, names);
    const ofImage = shape.slice(2).map(() => 1);
    const zeros = symmetricZeros(choice, zeroPoints.length);
    const tensors: NewTensor[] = [
      { name: stored.codes, type, shape, data: codes },
      {
        ...{ name: stored.scale, type: dataType.float, data: scales },
        shape: scheme.granularity === "channel" ? [...scaleShape, ...ofImage] : scaleShape,
      },
      { name: stored.zeroPoint, type, shape: [], data: scheme.zeroPoints ? zeroPoints : zeros },
    ];
    const edits = place.consumers.map(({ use }) => {
      const { node } = use;
      const [output = ""] = node.outputs;
      const [, , bias = ""] = node.inputs;
      const integers = names.unused(`${output}_output_quantized`);
      const to = { name: node.name, integers };
      if (bias === "") return replacedBy(node, integerProduct("ConvInteger", use, stored, names, { ...to, output }));
      const scaled = names.unused(`${output}quant_scaled_output`);
      const [dims, reshaped] = [`${output}_bias_reshape_shape`, `${output}_bias_reshape_output`].map(names.unused) as [
        string,
        string,
      ];
      tensors.push(int64s(dims, [1, -1, ...ofImage]));
      const added: NewNode[] = [
        { name: "", operator: "Reshape", inputs: [bias, dims], outputs: [reshaped] },
        { name: names.unused(`${output}_bias_add`), operator: "Add", inputs: [scaled, reshaped], outputs: [output] },
      ];
      const product = integerProduct("ConvInteger", use, stored, names, { ...to, output: scaled });
      return replacedBy(node, [...product, ...added]);
    });
    return { tensors, nodes: [], edits };
  },
};
