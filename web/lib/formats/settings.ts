import type { SchemeOptions } from "../core/scheme.js";
import type { GranularityOption } from "../core/types.js";
import type { BlockEncoder } from "../storage/ggml/blocks.js";
import type { DialectName } from "./dialects/index.js";
import type { BlockTypeName, FileTypeName } from "./gguf/file-types.js";
import type { CustomArchitecture } from "./image-models/architecture.js";
import type { OnnxTarget, OnnxWeightType } from "./onnx/target-name.js";

// What a user says of how tensors are quantized and stored.

/** How tensors are to be quantized. What is not given has a default. */
export interface Settings extends Omit<SchemeOptions, "granularity" | "scaleType"> {
  /**
   * As in `quantize`. Groups without `along` lie along the last axis. In .onnx models they lie along the axis that an
   * operator sums over, and `along` cannot be given.
   */
  readonly granularity?: GranularityOption | undefined;
  /**
   * Whether some weights are rounded the other way, those nearest to a tie first, until the errors of each group add up
   * to at most half a scale. It costs some 0.3 dB, and may keep the outputs of a model better or worse: compare them.
   * Only with groups of at most 1024 weights, and not in a GGUF; false by default.
   */
  readonly balance?: boolean | undefined;
  /** The type of a tensor's blocks in a GGUF, in place of the one that llama-quantize gives it. Only with `type`. */
  readonly blockType?: BlockTypeName | undefined;
}

/** The options that say what is written. */
export interface TargetOptions {
  /** How quantized tensors are stored; "plain" by default. Not for .onnx models, which have a way of their own. */
  readonly dialect?: DialectName | undefined;
  /**
   * Raises an .onnx model to this version of ONNX's operators, up to 25. Nodes whose operator changed are written in another
   * way; refused where nothing means the same (see `opsetChanges`). 13 brings DequantizeLinear with a channel axis, 21 codes of 4 bits and groups, 25 codes of 2
   * bits.
   */
  readonly opset?: number | undefined;
  /**
   * Where an .onnx model is to run, which decides the form in which weights are stored: "wasm" is onnxruntime-web on
   * the CPU, "webgpu" the same on the GPU, "native" is ONNX Runtime elsewhere, and "portable" any runtime, by operators
   * of ONNX alone. The default is "wasm", or "native" for a model with operators that onnxruntime-web lacks. Refused
   * where the target lacks an operator of the model.
   */
  readonly target?: OnnxTarget | undefined;
  /**
   * The type of the codes of MatMulInteger, and of Gather with one scale per tensor, in an .onnx model. A "uint8" is the
   * code + 128. The default is "uint8" for the target "native", since x86 processors without VNNI multiply int8 wrongly
   * there, and "int8" elsewhere.
   */
  readonly weightType?: OnnxWeightType | undefined;
  /**
   * Whether Conv becomes ConvInteger in an .onnx model, as quantize_dynamic of ONNX Runtime's tools writes it; false by
   * default, since onnxruntime-web was slower with it than with floats. Only for the targets "wasm" and "native".
   */
  readonly convInteger?: boolean | undefined;
  /**
   * Whether what stays float in an .onnx model becomes float16; false by default. Inputs and outputs stay float32.
   * Refused for models with subgraphs or functions, and with operators that take float32 alone.
   */
  readonly float16?: boolean | undefined;
  /**
   * Writes a GGUF of this type, such as Q4_K_M: of another GGUF, or of an image model. Each tensor gets the type that
   * llama-quantize gives it, or for an image model ComfyUI-GGUF.
   */
  readonly type?: FileTypeName | undefined;
  /** How codes of a GGUF's blocks are chosen. The default, "ggml", gives the same bytes as ggml. */
  readonly encoder?: BlockEncoder | undefined;
  /**
   * The architecture of an image model, such as "flux", or one of your own, which decides what stays floats. By default
   * the tensors tell it. Only with `type`, and with the dialect "comfyui".
   */
  readonly architecture?: string | CustomArchitecture | undefined;
  /**
   * Whether each 256 neighbours of a row are rotated (ConvRot) before they are quantized, for each tensor whose rows they
   * fill and that loses less so: outliers are spread over their neighbours. Only with the dialect "comfyui", whose reader
   * rotates activations in the same way; false by default.
   */
  readonly convrot?: boolean | undefined;
  /** Whether to take a GGUF that is quantized already, and add to its errors; false by default. */
  readonly requantize?: boolean | undefined;
}
