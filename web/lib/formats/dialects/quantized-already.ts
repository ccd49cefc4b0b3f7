import { elementsOf, isFloatDtype } from "../../tensor/dtypes.js";
import type { TensorInfo } from "../../tensor/tensor.js";

// Finds tensors that belong to codes in a model that is quantized already and so must stay as they are: scales, zero
// points, codebooks and the like. Tools agree on no names (weight_scale, weight_scale_inv, wscales, absmax, ...), so
// words and shapes decide for tensors beside codes. A name alone decides only where it has no other meaning, since
// codes may be in another shard.

/** The types of codes. SpQR and QuIP# pack theirs into 64 bits. */
const CODES = /^(u?int(8|16|32|64)$|float[468]_)/;

/** What else is stored in 64 bits. */
const INDICES_NAME = /(^|_)(ids?|index|indices|positions?|mask|tracked)$/;

/**
 * Words for tensors that help turn codes into weights. TensorRT-LLM, Nunchaku, quanto, AQLM, VPTQ, MLX, SqueezeLLM and
 * bitsandbytes have their own.
 */
const COMPANION =
  /^([wqsd]?[ct]?scal(e|es|ing|ar|ed)|[wqs]?zeros?|zp|absmax|amax|delta|rows|cb|codebooks?|centroids?|luts?|lookup|scb|biases|shift|smooth|offsets?|lora)$/;

/** Letters for scales and zero points, which are believed beside codes of the same name. */
const COMPANION_LETTER = /^[sz]$/;

/** A parameter whose module says what it is. */
const NAMELESS = /^_?(data|values?)$/;

/** Those words that also name a module inside the one with the codes. */
const COMPANION_MODULE = /(^|_)(codebooks?|centroids?|scales?|zeros?|quantizer)$/;

/** A module that all codes of a model share. */
const SHARED_MODULE = /^codebooks?$/i;

/** Words that only say that a tensor holds codes. */
const CODES_WORD = /^(q|int\d|codes?|quantized|qweight|packed|qdata|data|blocks|indices|weight)$/;

/** Words that follow those above: weight_scale_inv, weight_scale_2, weight_zero_point, smooth_orig. */
const FOLLOWING = /^(inv|\d|points?|factors?|orig|map|weight|down|up|bias)$/;

/** Names that parameters of float models never have. */
const SCALES_NAME =
  /(^|_)(scale_inv|zero_points?|absmax|qzeros|wzeros|scaled_zeros|scales_and_zeros|w[ct]?scales?|scb|per_channel_scale|dequant_scales?|scaling_factor)$|(^|_)(weights?|kernel|proj)[_:](scales?|zeros)$|^scale_(weight|input)$/;

/** Names that they may have, so a weight must lie beside them in the same module. */
const ALSO_SCALES_NAME = /^(scales?|zeros?|biases|luts?|lookup_table)$/;

/** Marlin's scales, which are believed alone where they are a matrix of 16 bits, and all that the module has. */
const LONE_LETTER = "s";

/**
 * Returns why a float tensor is part of a quantization, or undefined.
 *
 * @param byName whether a name alone may decide; false for a file of one array, which a person chose to quantize.
 */
export type WhyQuantizedAlready = (tensor: TensorInfo, byName: boolean) => string | undefined;

export function quantizedAlready(tensors: readonly TensorInfo[]): WhyQuantizedAlready {
  const modules = new Map<string, Module>();
  const someCodes = tensors.find(isCodes);
  for (const tensor of tensors) {
    const { module, parameter } = partsOf(tensor.name);
    const of = moduleOf(modules, module);
    if (isCodes(tensor)) {
      if (of.codes.length < MOST_OF_A_KIND) of.codes.push(tensor);
      if (module !== "") moduleOf(modules, partsOf(module).module).codesBelow ??= tensor;
      const stem = stemOf(parameter);
      if (!of.byStem.has(stem)) of.byStem.set(stem, tensor);
    } else if (isFloatDtype(tensor.dtype) && tensor.shape.length > 1) {
      if (of.floats.length < MOST_OF_A_KIND) of.floats.push(tensor);
      of.hasWeight ||= !isScalesName(parameter) && parameter !== LONE_LETTER;
    }
  }
  return (tensor, byName) => {
    const { module, parameter } = partsOf(tensor.name);
    const own = modules.get(module) as Module;
    const codes =
      codesBeside(tensor, module, parameter, own) ??
      codesAbove(module, modules) ??
      // Those of quanto: weight._scale and weight._data._data.
      (parameter.startsWith("_") && isCompanion(parameter) ? own.codesBelow : undefined) ??
      codesAcross(tensor, module, parameter, modules) ??
      (SHARED_MODULE.test(module) ? someCodes : undefined);
    if (codes !== undefined) return `it belongs to ${codes.name}, which is quantized already`;
    const isLone = parameter === LONE_LETTER && /16$/.test(tensor.dtype);
    if (!byName || !(isScalesName(parameter) || isLone)) return undefined;
    // A `scale` or a vector beside a weight may belong to anything.
    const isMatrix = tensor.shape.filter((dimension) => dimension > 1).length > 1;
    const isSure = SCALES_NAME.test(bare(parameter)) || (isMatrix && module !== "" && !own.hasWeight);
    if (!isSure) return undefined;
    return "its name is that of scales, so its model is quantized already";
  };
}

/** The parameters that lie in one module. */
interface Module {
  /** The first tensors of codes. */
  readonly codes: TensorInfo[];
  /** Tensors of codes by the rest of their names, without the words for codes. */
  readonly byStem: Map<string, TensorInfo>;
  /** The first matrices of floats. */
  readonly floats: TensorInfo[];
  /** The first tensor of codes in a module inside it. */
  codesBelow?: TensorInfo;
  /** Whether it has a matrix of floats that is not a scale. */
  hasWeight: boolean;
}

function moduleOf(modules: Map<string, Module>, name: string): Module {
  const module = modules.get(name) ?? { codes: [], byStem: new Map(), floats: [], hasWeight: false };
  modules.set(name, module);
  return module;
}

/** Modules have a few. A crafted file may have any number. */
const MOST_OF_A_KIND = 64;

function isCodes({ name, dtype, shape }: TensorInfo): boolean {
  if (dtype === "int64" && INDICES_NAME.test(bare(partsOf(name).parameter))) return false;
  // A short list of bytes is a marker, such as ComfyUI's comfy_quant.
  return CODES.test(dtype) && (shape.length > 1 || elementsOf(shape) >= 1024);
}

function codesBeside(
  tensor: TensorInfo,
  module: string,
  parameter: string,
  { codes, byStem, floats }: Module,
): TensorInfo | undefined {
  const isNamedSo = isCompanion(parameter);
  const stem = byStem.get(stemOf(parameter));
  if (isNamedSo && stem !== undefined) return stem;
  const words = wordsOf(parameter);
  if (COMPANION_LETTER.test(words.pop() as string)) {
    const codes = byStem.get(words.join("_"));
    if (codes !== undefined && fits(tensor, codes)) return codes;
  }
  // Arrays outside of modules are unrelated.
  if (module === "") return undefined;
  return isNamedSo ? codes[0] : codes.find((each) => fits(tensor, each) || isLowRank(tensor, floats, each));
}

/** The codes above a tensor: those of q for `q.centroids.weight`, and `q.weight` for `q.weight.absmax`. */
function codesAbove(module: string, modules: ReadonlyMap<string, Module>): TensorInfo | undefined {
  if (module === "") return undefined;
  const above = partsOf(module);
  const of = modules.get(above.module);
  if (of === undefined) return undefined;
  const owner = of.codes.find(({ name }) => name === module);
  return owner ?? (COMPANION_MODULE.test(above.parameter.toLowerCase()) ? of.codes[0] : undefined);
}

/** The codes in the module beside that of a tensor of no name: `l.q.data` for `l.s.data`. */
function codesAcross(
  tensor: TensorInfo,
  module: string,
  parameter: string,
  modules: ReadonlyMap<string, Module>,
): TensorInfo | undefined {
  const above = partsOf(module).module;
  if (above === "" || !NAMELESS.test(parameter)) return undefined;
  const codes = modules.get(above)?.codesBelow;
  return codes !== undefined && NAMELESS.test(partsOf(codes.name).parameter) && fits(tensor, codes) ? codes : undefined;
}

/**
 * Whether a tensor is smaller than some codes and every dimension divides one of theirs, or is a multiple of it since
 * codes may be packed.
 */
function fits({ shape, byteLength }: TensorInfo, codes: TensorInfo): boolean {
  if (byteLength >= codes.byteLength) return false;
  const long = shape.filter((dimension) => dimension > 1);
  return long.every((dimension) =>
    codes.shape.some((other) => other > 1 && (other % dimension === 0 || dimension % other === 0)),
  );
}

/**
 * Whether a matrix is one of two whose product is added to the weights that the codes stand for, as those of SVDQuant
 * (proj_down, proj_up) and QuIP# (A, B). In small layers they take more bytes than the codes.
 */
function isLowRank({ shape, name }: TensorInfo, floats: readonly TensorInfo[], codes: TensorInfo): boolean {
  if (codes.shape.length !== 2) return false;
  const [rows, columns] = codes.shape as [number, number];
  const isPair = (other: TensorInfo, rank: number) => {
    const outer = outerDimension(shape, rank);
    const otherOuter = outerDimension(other.shape, rank);
    if (outer === undefined || otherOuter === undefined || 2 * rank > Math.min(outer, otherOuter)) return false;
    return (
      (isPackedAs(outer, rows) && isPackedAs(otherOuter, columns)) ||
      (isPackedAs(outer, columns) && isPackedAs(otherOuter, rows))
    );
  };
  return floats.some((other) => other.name !== name && shape.some((rank) => isPair(other, rank)));
}

/** The dimension beside `inner` in the shape of a matrix. */
function outerDimension(shape: readonly number[], inner: number): number | undefined {
  if (shape.length !== 2 || !shape.includes(inner)) return undefined;
  return shape[shape[0] === inner ? 1 : 0];
}

/** Whether a dimension of weights may be this one of codes. Up to 16 weights are packed into one of 32 bits. */
function isPackedAs(weights: number, codes: number): boolean {
  return [1, 2, 4, 8, 16].includes(weights / codes);
}

function isCompanion(parameter: string): boolean {
  return wordsOf(parameter).some((word) => COMPANION.test(word));
}

function isScalesName(parameter: string): boolean {
  const name = bare(parameter);
  return SCALES_NAME.test(name) || ALSO_SCALES_NAME.test(name);
}

/** The words of a name in lower case, joined by underscores, without the leading one of torchao and quanto. */
function bare(parameter: string): string {
  return parameter
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/-/g, "_")
    .replace(/^_+/, "");
}

function wordsOf(parameter: string): string[] {
  return bare(parameter).split("_");
}

/** The rest of a name without words for codes and what belongs to them: "w1" for w1_int8 and w1_scale_inv. */
function stemOf(parameter: string): string {
  return wordsOf(parameter)
    .filter((word) => !COMPANION.test(word) && !CODES_WORD.test(word) && !FOLLOWING.test(word))
    .join("_");
}

/** The module and the parameter's own name: `a.b` and `weight` for `a.b.weight`. */
function partsOf(name: string): { module: string; parameter: string } {
  const at = Math.max(name.lastIndexOf("."), name.lastIndexOf("/"));
  return { module: name.slice(0, Math.max(at, 0)), parameter: name.slice(at + 1) };
}
