import type { UnreadableTensor } from "../format.js";
import type { Node, Proto } from "./file/proto.js";
import type { ExternalFiles } from "./file/tensors.js";
import type { Scope } from "./file/values.js";
import type { QuantizedWeight } from "./quantized.js";
import type { KeptTensor, Weight } from "./weights.js";

/** A model whose structure is read. Its weights stay in the file until they are wanted. */
export interface OnnxContents {
  readonly name: string;
  readonly opset: number;
  readonly irVersion: number;
  /** What can be quantized, in the order of the graphs. */
  readonly weights: readonly Weight[];
  /** Other tensors of floats, and why they stay as they are. */
  readonly kept: readonly KeptTensor[];
  /** Weights that are quantized already. */
  readonly quantized: readonly QuantizedWeight[];
  /** Weights quantized in ways that are not read, and why. */
  readonly unreadable: readonly UnreadableTensor[];
  readonly proto: Proto;
  readonly scopes: readonly Scope[];
  readonly files: ExternalFiles;
  /** A node that says that the model is quantized already. */
  readonly quantizedBy: Node | undefined;
}
