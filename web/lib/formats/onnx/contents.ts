import type { UnreadableTensor } from "../format.js";
import type { Node, Proto } from "./file/proto.js";
import type { ExternalFiles } from "./file/tensors.js";
import type { Scope } from "./file/values.js";
import type { QuantizedWeight } from "./quantized/quantized.js";
import type { KeptTensor, Weight } from "./weights.js";

/** A model whose structure has been read. Its weights stay in the file until they are needed. */
export interface OnnxContents {
  readonly name: string;
  readonly opset: number;
  readonly irVersion: number;
  /** The weights that can be quantized, in the order of the graphs. */
  readonly weights: readonly Weight[];
  /** The other float tensors, with the reason why each stays as it is. */
  readonly kept: readonly KeptTensor[];
  /** The weights that are quantized already. */
  readonly quantized: readonly QuantizedWeight[];
  /** The quantized weights that cannot be read, with the reason for each. */
  readonly unreadable: readonly UnreadableTensor[];
  readonly proto: Proto;
  readonly scopes: readonly Scope[];
  readonly files: ExternalFiles;
  /** A node that shows that the model is quantized already. */
  readonly quantizedBy: Node | undefined;
}
