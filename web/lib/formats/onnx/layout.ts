import type { ByteSource } from "../../io/bytes.js";
import type { OnnxContents } from "./contents.js";
import {
  constantNodeIn,
  type ExternalPlace,
  externalFields,
  initializer,
  type NewNode,
  type NewTensor,
  node,
  nodeIn,
  operatorSet,
} from "./file/encode.js";
import { microsoftDomain, type Node, type OperatorSet, type Tensor } from "./file/proto.js";
import { type Edit, type Later, lengthOf, type Part, splice } from "./file/splice.js";
import { externalBytes, tensorsOf } from "./file/tensors.js";
import type { Value } from "./file/values.js";
import { type Message, varintField } from "./file/wire.js";
import { float16Changes, type Narrowed } from "./float16/float16.js";
import { isMicrosofts, type OnnxChoice, type Parts, scaleShapeOf } from "./forms/form.js";
import { newNames } from "./names.js";
import { raisingEdits } from "./opset/raise.js";
import { irVersionOf } from "./opset/versions.js";
import { storedBytes } from "./way.js";

// Lays out the output files except for codes and scales: every place is known before a weight is read.

/** What stands for a weight, to be made while writing. */
export interface WeightToMake extends Omit<Parts, "scaleShape"> {
  readonly choice: OnnxChoice;
}

/** Bytes of the file beside the model, which are made while writing or copied. */
export interface ExternalItem {
  readonly offset: number;
  readonly length: number;
  readonly content: Later | { readonly source: ByteSource; readonly start: number };
}

export interface OnnxLayout {
  readonly parts: readonly Part[];
  readonly external: readonly ExternalItem[];
  readonly weights: readonly WeightToMake[];
  /** The tensors that become float16. */
  readonly narrowed: readonly Narrowed[];
}

/** Readers may map the file into memory, so a tensor begins at a page. */
const EXTERNAL_ALIGNMENT = 4096;

/** Smaller tensors, such as shapes, stay in the model, as in ONNX's own tools: readers need them while they load it. */
const SMALLEST_EXTERNAL = 1024;

/** The IR versions that introduced types of codes, by their bits. */
const irVersions: Readonly<Record<number, number>> = { 2: 13, 4: 10 };

/** The changes to be made to a model. */
export interface OnnxChanges {
  readonly model: OnnxContents;
  /** Whether what stays float becomes float16. */
  readonly float16: boolean;
  /** The version of ONNX's own operators. */
  readonly opset: number;
  readonly choices: readonly OnnxChoice[];
}

/**
 * @param location the path of the file for external data, relative to the model's folder
 * @param everything whether all new tensors go there, or only those of weights that were external before
 */
export function layOut(
  { model, opset, float16, choices }: OnnxChanges,
  location: string,
  everything: boolean,
): OnnxLayout {
  const { proto, scopes, files } = model;
  const names = newNames(scopes);
  const edits: Edit[] = [];
  const weights: WeightToMake[] = [];
  const external: ExternalItem[] = [];

  const outside = (content: ExternalItem["content"], length: number): ExternalPlace => {
    const last = external.at(-1);
    const end = last ? last.offset + last.length : 0;
    const offset = Math.ceil(end / EXTERNAL_ALIGNMENT) * EXTERNAL_ALIGNMENT;
    external.push({ offset, length, content });
    return { location, offset };
  };
  const newInitializer = (tensor: NewTensor, replaced: Tensor): Part[] => {
    const isLater = !(tensor.data instanceof Uint8Array) && lengthOf(tensor.data) >= SMALLEST_EXTERNAL;
    const goesOut = isLater && (everything || replaced.external !== undefined);
    return initializer(tensor, goesOut ? outside(tensor.data, lengthOf(tensor.data)) : undefined);
  };

  const replaced = new Set<Tensor>();
  /** Tensors in place of one, and the nodes that turn them into its value. */
  const instead = (value: Value, tensors: readonly NewTensor[], newNodes: readonly NewNode[]) => {
    const tensor = value.tensor as Tensor;
    const { graph } = value.scope;
    const all = graph.nodes;
    const nodes = newNodes.flatMap((each) => nodeIn(graph, each));
    const constants = () => tensors.flatMap((each) => constantNodeIn(graph, each));
    if (value.node) {
      edits.push(replace(value.node.message, [...constants(), ...nodes]));
    } else if (proto.irVersion < 4) {
      // Up to IR version 3, every initializer must be an input too. A Constant need not.
      edits.push(before(all, [...constants(), ...nodes]), replace(tensor.message, []));
    } else {
      const initializers = tensors.flatMap((each) => newInitializer(each, tensor));
      edits.push(before(all, nodes), replace(tensor.message, initializers));
    }
    if (value.input) edits.push(replace(value.input, []));
    replaced.add(tensor);
  };
  for (const choice of choices) {
    const bytes = storedBytes(choice);
    const parts = {
      codes: { length: bytes.codes },
      scales: { length: bytes.scales },
      zeroPoints: { length: bytes.zeroPoints },
      scaleShape: scaleShapeOf(choice),
    };
    const replacement = choice.form.replacementOf(choice, parts, names);
    instead(choice.weight.place.value, replacement.tensors, replacement.nodes);
    // Spread arguments are limited in number.
    for (const edit of replacement.edits) edits.push(edit);
    weights.push({ choice, ...parts });
  }
  const { narrowed, edits: changes } = float16
    ? float16Changes(model, {
        replaced: new Set(replaced),
        names,
        replace: (value, tensor) => instead(value, [tensor], []),
      })
    : { narrowed: [], edits: [] };
  for (const edit of changes) edits.push(edit);
  if (opset !== model.opset) for (const edit of raisingEdits(model, opset, float16, names)) edits.push(edit);
  // These come last, because their activations may be the outputs of the nodes above.
  for (const { node: quantizer, before: first } of names.quantizers()) edits.push(beforeNode(first, node(quantizer)));
  for (const tensor of tensorsOf(proto)) {
    const bytes = replaced.has(tensor) ? undefined : externalBytes(tensor, proto.reader, files);
    if (bytes) for (const edit of moved(tensor, outside(bytes, bytes.length), bytes.length)) edits.push(edit);
  }

  const irVersion = choices.reduce(
    (version, choice) => Math.max(version, irVersionFor(choice)),
    Math.max(proto.irVersion, opset === model.opset ? 0 : irVersionOf(opset)),
  );
  if (irVersion !== proto.irVersion) {
    const { at, end } = proto.irField;
    edits.push({ message: proto.message, start: at, end, parts: [Uint8Array.from(varintField(1, irVersion))] });
  }
  if (opset !== model.opset) {
    for (const { operatorSets } of [proto, ...proto.functions]) {
      for (const edit of raisedTo(opset, operatorSets)) edits.push(edit);
    }
  }
  if (choices.some(isMicrosofts) && !proto.operatorSets.some(({ domain }) => domain === microsoftDomain)) {
    const { end } = proto.message;
    edits.push({ message: proto.message, start: end, end, parts: operatorSet(microsoftDomain, 1) });
  }
  return { parts: splice(proto.message, edits), external, weights, narrowed };
}

/** Sets the version in the operator set of ONNX's own domain, where it is lower. */
function raisedTo(opset: number, operatorSets: readonly OperatorSet[]): Edit[] {
  const own = operatorSets.find(({ domain, version }) => domain === "" && version < opset);
  if (own === undefined) return [];
  const { message, versionField } = own;
  const { at, end } = versionField ?? { at: message.end, end: message.end };
  return [{ message, start: at, end, parts: [Uint8Array.from(varintField(2, opset))] }];
}

function irVersionFor(choice: OnnxChoice): number {
  return isMicrosofts(choice) ? 0 : (irVersions[choice.storedBits] ?? 0);
}

/** Replaces the field of a message with other fields. */
function replace({ parent, at, end }: Message, parts: readonly Part[]): Edit {
  return { message: parent as Message, start: at, end, parts };
}

/** Inserts nodes before all those that may use their outputs. */
function before(nodes: readonly Node[], parts: readonly Part[]): Edit {
  return beforeNode(nodes[0] as Node, parts);
}

function beforeNode({ message: { parent, at } }: Node, parts: readonly Part[]): Edit {
  return { message: parent as Message, start: at, end: at, parts };
}

/** Gives an external tensor that stays as it is its new place. */
function moved({ message, external }: Tensor, place: ExternalPlace, length: number): Edit[] {
  const entries = external?.entries.filter(({ key }) => ["location", "offset", "length"].includes(key)) ?? [];
  return entries.map(({ field }, i) => {
    const parts = i === 0 ? [Uint8Array.from(externalFields(place, length))] : [];
    return { message, start: field.at, end: field.end, parts };
  });
}
