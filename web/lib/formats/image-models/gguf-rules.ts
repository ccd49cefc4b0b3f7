import { type FileTypeName, fileTypes } from "../gguf/file-types.js";
import { ggmlRank, type Sized } from "../gguf/llama-types.js";
import type { TensorRules } from "../gguf/rules.js";
import { typeNamed } from "../gguf/types.js";
import type { ImageArchitecture } from "./architecture.js";
import { imageRoles } from "./architectures.js";
import { matchesAny, whyArchitectureKeeps } from "./image-model.js";

// The types that ComfyUI-GGUF's patch of llama-quantize gives the tensors of image models (img_tensor_get_type in its
// tools/lcpp.patch).

/** The rules for the image models of an architecture. */
export function imageRules(architecture: ImageArchitecture): TensorRules {
  return {
    program: "ComfyUI-GGUF",
    inOrder: (tensors) => [...tensors],
    whyKept: (tensor) => whyImageGgufKeeps(tensor, architecture),
    typesOf: (tensors, _, fileType) => imageTypes(tensors, architecture, fileType),
    // Leading ones are kept, since ComfyUI compares shapes.
    shapeOf: (shape) => (shape.length === 0 ? [1] : shape),
    mostNameBytes: 127,
    mostDimensions: 8,
  };
}

/** The reason why a tensor stays floats in the GGUF of an image model; undefined for one that is quantized. */
export function whyImageGgufKeeps({ name, shape }: Sized, architecture: ImageArchitecture): string | undefined {
  const rank = ggmlRank(shape);
  if (rank < 2) return "a vector";
  if (rank > 2) return `of ${shape.length} dimensions; ComfyUI-GGUF quantizes matrices`;
  if (!name.endsWith("weight")) return "not a weight";
  if (name.endsWith("_norm.weight")) return "a normalization";
  return whyArchitectureKeeps(name, architecture);
}

type Role = keyof typeof imageRoles;

function imageTypes(
  tensors: readonly Sized[],
  architecture: ImageArchitecture,
  fileType: FileTypeName,
): ReadonlyMap<string, string> {
  const { tensors: base } = fileTypes[fileType];
  const types = new Map<string, string>();
  let valuesBefore = 0;
  for (const tensor of tensors) {
    if (whyImageGgufKeeps(tensor, architecture) !== undefined) continue;
    const { name, shape } = tensor;
    const role = (Object.keys(imageRoles) as Role[]).find((each) => matchesAny(name, imageRoles[each]));
    const type = role === "values" ? valueType(fileType, valuesBefore++) : role && typesOfRoles[role][fileType];
    types.set(name, typeThatFits(type ?? base, shape[shape.length - 1]));
  }
  return types;
}

/** The type of the weights that make values, of which the first ones get more bits. */
function valueType(fileType: FileTypeName, at: number): string | undefined {
  if (fileType === "Q3_K_M") return at < 2 ? "Q5_K" : "Q4_K";
  if (fileType === "Q4_K_S") return at < 4 ? "Q5_K" : undefined;
  return typesOfRoles.values[fileType];
}

const typesOfRoles: Readonly<Record<Role, Partial<Record<FileTypeName, string>>>> = {
  values: { Q2_K: "Q3_K", Q3_K_L: "Q5_K", Q4_K_M: "Q6_K", Q5_K_M: "Q6_K" },
  "queries, keys and values": { Q3_K_M: "Q4_K", Q3_K_L: "Q4_K", Q4_K_M: "Q5_K", Q5_K_M: "Q6_K" },
  down: {
    ...{ Q3_K_M: "Q4_K", Q3_K_L: "Q5_K", Q4_K_S: "Q5_K", Q4_K_M: "Q6_K", Q5_K_M: "Q6_K" },
    ...{ Q4_0: "Q4_1", Q5_0: "Q5_1" },
  },
};

/** The type, or F16 where its blocks do not fill rows. */
function typeThatFits(type: string, columns: number): string {
  return columns % typeNamed(type).blockLength === 0 ? type : "F16";
}
