import { attributeOrInput, integersOf } from "../file/constants.js";
import { named } from "../file/named.js";
import { dataType, type Node } from "../file/proto.js";
import { resolve, type Scope, type Use, type Value } from "../file/values.js";

// Follows a stored tensor through the nodes that only move its elements, as exporters write them who leave constants
// unfolded.

/**
 * A tensor as a node sees it: its dimensions, and for each the axis of the stored tensor (undefined where several mix).
 */
export interface View {
  readonly shape: readonly number[];
  readonly stored: readonly (number | undefined)[];
}

/** The views of the outputs of a node that moves a tensor, or a sentence where they are not known. */
type Moved = readonly View[] | string;
type Move = (node: Node, view: View, scope: Scope) => Moved;

/** The float types, between which a Cast keeps a weight a weight. */
const floatTypes: readonly (number | undefined)[] = [
  dataType.float,
  dataType.float16,
  dataType.bfloat16,
  dataType.double,
];

/** No exporter writes as many nodes in a row that only move a tensor. Each one takes a place on the stack. */
export const MAX_MOVES = 16;

const moves: Readonly<Record<string, Move>> = {
  Identity: (_, view) => [view],
  Cast: (_, view) => [view],
  Transpose: transpose,
  Reshape(node, view, scope) {
    const target = integersOf(node.inputs[1], scope);
    if (target === undefined) return whileItRuns(node, "reshapes it to a shape");
    return reshaped(node, view, target);
  },
  Flatten(node, view) {
    const axis = fromStart(integer(node, "axis") ?? 1, view.shape.length);
    return reshaped(node, view, [product(view.shape.slice(0, axis)), product(view.shape.slice(axis))]);
  },
  Squeeze(node, { shape, stored }, scope) {
    const isGiven = node.attributes.has("axes") || (node.inputs[1] ?? "") !== "";
    const given = isGiven ? attributeOrInput(node, "axes", 1, scope) : shape.flatMap((d, i) => (d === 1 ? [i] : []));
    if (given === undefined) return whileItRuns(node, "drops dimensions");
    const axes = given.map((axis) => fromStart(axis, shape.length));
    const stays = (_: unknown, i: number) => !axes.includes(i);
    return [{ shape: shape.filter(stays), stored: stored.filter(stays) }];
  },
  Unsqueeze(node, view, scope) {
    const given = attributeOrInput(node, "axes", 1, scope);
    if (given === undefined) return whileItRuns(node, "adds dimensions");
    const rank = view.shape.length + given.length;
    const axes = given.map((axis) => fromStart(axis, rank));
    if (new Set(axes).size !== axes.length || axes.some((axis) => axis < 0 || axis >= rank)) {
      return `${named(node)} adds dimensions at places that it does not have`;
    }
    const [shape, stored] = [[...view.shape], [...view.stored]];
    for (const axis of [...axes].sort((a, b) => a - b)) {
      shape.splice(axis, 0, 1);
      stored.splice(axis, 0, undefined);
    }
    return [{ shape, stored }];
  },
  Slice(node, { shape, stored }, scope) {
    const starts = attributeOrInput(node, "starts", 1, scope);
    const ends = attributeOrInput(node, "ends", 2, scope);
    const hasAxes = node.attributes.has("axes") || (node.inputs[3] ?? "") !== "";
    const axes = hasAxes ? attributeOrInput(node, "axes", 3, scope) : starts?.map((_, i) => i);
    const steps = (node.inputs[4] ?? "") === "" ? starts?.map(() => 1) : integersOf(node.inputs[4], scope);
    if (starts === undefined || ends === undefined || axes === undefined || steps === undefined) {
      return whileItRuns(node, "takes a part of it");
    }
    const sizes = [...shape];
    axes.forEach((given, i) => {
      const axis = fromStart(given, shape.length);
      sizes[axis] = countOf(shape[axis] ?? 0, starts[i] ?? 0, ends[i] ?? 0, steps[i] ?? 0);
    });
    if (sizes.length !== shape.length) return `${named(node)} takes a part along a dimension that it does not have`;
    return [{ shape: sizes, stored }];
  },
  Split(node, { shape, stored }, scope) {
    const axis = fromStart(integer(node, "axis") ?? 0, shape.length);
    const size = shape[axis];
    if (size === undefined) return `${named(node)} splits it along a dimension that it does not have`;
    const parts = node.outputs.length;
    const isGiven = node.attributes.has("split") || (node.inputs[1] ?? "") !== "";
    const even = Math.ceil(size / parts);
    const given = isGiven
      ? attributeOrInput(node, "split", 1, scope)
      : node.outputs.map((_, i) => Math.min(even, size - even * i));
    if (given?.length !== parts) return whileItRuns(node, "splits it");
    return given.map((part) => ({ shape: shape.map((each, i) => (i === axis ? part : each)), stored }));
  },
  Concat(node, { shape, stored }, scope) {
    const axis = fromStart(integer(node, "axis") ?? 0, shape.length);
    const others = node.inputs.map((name) => shapeOf(resolve(name, scope), MAX_MOVES));
    const joined = others.reduce<number>((sum, other) => sum + (other?.[axis] ?? Number.NaN), 0);
    if (Number.isNaN(joined)) return `${named(node)} joins it with what is known only when the model runs`;
    return [{ shape: shape.map((each, i) => (i === axis ? joined : each)), stored }];
  },
};

/**
 * The tensors after a node that only moves it, or a sentence where they are not known; undefined for a node that does
 * more.
 */
export function movedBy({ node, input, scope }: Use, view: View): Moved | undefined {
  const move = moveOf(node, input);
  return move?.(node, view, scope);
}

function moveOf({ domain, operator, attributes }: Node, input: number): Move | undefined {
  if (domain !== "" || !Object.hasOwn(moves, operator)) return undefined;
  if (operator === "Cast" && !floatTypes.includes(attributes.get("to")?.integer)) return undefined;
  return input === 0 || operator === "Concat" ? moves[operator] : undefined;
}

/** Shapes of constants that nodes move, which several nodes may ask for. */
const shapes = new WeakMap<Value, readonly number[] | null>();

/** The shape of a constant, or of what nodes move of one; undefined for anything else. */
function shapeOf(value: Value | undefined, moves: number): readonly number[] | undefined {
  if (value?.tensor !== undefined) return value.tensor.shape;
  if (value?.node === undefined || moves === 0) return undefined;
  const known = shapes.get(value);
  if (known !== undefined) return known ?? undefined;
  shapes.set(value, null); // a value that is made of itself has no shape
  const { node, scope } = value;
  const shape = moveOf(node, 0) && shapeOf(resolve(node.inputs[0] ?? "", scope), moves - 1);
  const views = shape && movedBy({ node, input: 0, scope }, { shape, stored: [] });
  const found = typeof views === "string" ? undefined : views?.[node.outputs.indexOf(value.name)]?.shape;
  shapes.set(value, found ?? null);
  return found;
}

const whileItRuns = (node: Node, does: string) => `${named(node)} ${does} that is known only when the model runs`;
const integer = ({ attributes }: Node, name: string) => attributes.get(name)?.integer;
const fromStart = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

/** The number of elements that a slice takes of `size`. */
function countOf(size: number, start: number, end: number, step: number): number {
  const at = (place: number) => (place < 0 ? place + size : place);
  const within = (place: number, least: number, most: number) => Math.max(least, Math.min(most, place));
  if (step > 0) return Math.max(0, Math.ceil((within(at(end), 0, size) - within(at(start), 0, size)) / step));
  if (step === 0) return 0;
  return Math.max(0, Math.ceil((within(at(end), -1, size - 1) - within(at(start), 0, size - 1)) / step));
}

function transpose(node: Node, { shape, stored }: View): Moved {
  const order = node.attributes.get("perm")?.integers ?? [];
  const perm = order.length > 0 ? order : shape.map((_, axis) => shape.length - 1 - axis);
  if (perm.length !== shape.length || [...perm].sort((a, b) => a - b).some((axis, i) => axis !== i)) {
    return `${named(node)} has a perm that is not an order of its dimensions`;
  }
  return [{ shape: perm.map((axis) => shape[axis] as number), stored: perm.map((axis) => stored[axis]) }];
}

/** A dimension stays the same one if it keeps its size and the number of elements before it. */
function reshaped(node: Node, { shape, stored }: View, target: readonly number[]): Moved {
  const keepsZeros = (integer(node, "allowzero") ?? 0) !== 0;
  const filled = target.map((dimension, i) => (dimension === 0 && !keepsZeros ? (shape[i] ?? 0) : dimension));
  const size = product(shape);
  const known = product(filled.filter((dimension) => dimension !== -1));
  const result = filled.map((dimension) => (dimension === -1 ? size / known : dimension));
  if (product(result) !== size || result.some((dimension) => !Number.isInteger(dimension) || dimension < 1)) {
    return `${named(node)} reshapes it to a shape of another size`;
  }
  const axisWith = (dimension: number, before: number) =>
    shape.findIndex((each, axis) => each === dimension && product(shape.slice(0, axis)) === before);
  const axes = result.map((dimension, i) => stored[axisWith(dimension, product(result.slice(0, i)))]);
  return [{ shape: result, stored: axes }];
}

function product(factors: readonly number[]): number {
  return factors.reduce((a, b) => a * b, 1);
}
