import { checkApart, type Named } from "./apart.js";
import { checkNames, kindOf, shown } from "./arguments.js";
import { bufferOf, byteOffsetOf, lengthOf } from "./arrays.js";
import { packedLength } from "./memory/packing.js";
import { codeKind, type Scheme } from "./scheme.js";
import type { ChannelErrors, QuantizeInto } from "./types.js";

export type FloatKind = "Float32Array" | "Float64Array";

export const channelErrorNames = ["mse", "maxError", "sqnr"] as const satisfies (keyof ChannelErrors)[];

const intoNames = ["quantized", "scales", "zeroPoints", "dequantized", "perChannel"] satisfies (keyof QuantizeInto)[];

const constructors = { Float32Array, Float64Array, Int8Array, Int16Array, Uint8Array, Uint16Array };
export type ArrayKind = keyof typeof constructors;

export const bytesPer: Readonly<Record<ArrayKind, number>> = {
  Float32Array: 4,
  Float64Array: 8,
  Int8Array: 1,
  Int16Array: 2,
  Uint8Array: 1,
  Uint16Array: 2,
};

export function newArray<K extends ArrayKind>(kind: K, length: number) {
  return new constructors[kind](length) as InstanceType<(typeof constructors)[K]>;
}

/** The first `length` elements of a buffer. */
export function arrayOver<K extends ArrayKind>(kind: K, buffer: ArrayBuffer, length: number) {
  return new constructors[kind](buffer, 0, length) as InstanceType<(typeof constructors)[K]>;
}

/**
 * A view of an array of the caller in an array of our own. It always has the same length, or none where the buffer was
 * transferred or became too short, and only the language's own methods.
 *
 * @throws {TypeError} where the buffer was transferred already.
 */
export function viewOf<K extends ArrayKind>(name: string, kind: K, array: ArrayBufferView) {
  try {
    const buffer = bufferOf(array) as ArrayBuffer;
    return new constructors[kind](buffer, byteOffsetOf(array), lengthOf(array)) as InstanceType<
      (typeof constructors)[K]
    >;
  } catch {
    throw new TypeError(`${name} is detached: its buffer was transferred`);
  }
}

/** A view of an array of the caller, which must have exactly this type and length. */
export function exactView<K extends ArrayKind>(name: string, kind: K, array: unknown, length: number) {
  if (kindOf(array) !== kind) throw new TypeError(`${name} must be of type ${kind}, not ${shown(array)}`);
  const view = viewOf(name, kind, array as ArrayBufferView);
  if (view.length !== length) throw new RangeError(`${name} has ${view.length} elements; it must have ${length}`);
  return view;
}

export function newChannelErrors(channels: number): ChannelErrors {
  const figures = () => newArray("Float64Array", channels);
  return { mse: figures(), maxError: figures(), sqnr: figures() };
}

/** The caller's arrays to fill. Each property is read once. */
export function takeInto(into: QuantizeInto): QuantizeInto {
  checkNames("into", into, intoNames);
  const { quantized, scales, zeroPoints, dequantized, perChannel } = into;
  const arrays = { quantized, scales, zeroPoints, dequantized } as QuantizeInto;
  if (perChannel === undefined) return arrays;
  checkNames("into.perChannel", perChannel, channelErrorNames);
  const { mse, maxError, sqnr } = perChannel;
  return { ...arrays, perChannel: { mse, maxError, sqnr } };
}

export interface OutputsNeeded {
  /** The type of array that holds the weights, and so scales and dequantized values. */
  readonly kind: FloatKind;
  readonly length: number;
  readonly scaleCount: number;
  readonly scheme: Scheme;
  readonly packed: boolean;
  readonly perChannel: boolean;
  readonly dequantize: boolean;
  /** The result of takeInto(). */
  readonly into: QuantizeInto;
  /** The arrays that are read. The caller's arrays may not overlap them. */
  readonly inputs: readonly Named[];
}

function unwantedError(name: string, option: string): TypeError {
  return new TypeError(`into.${name} is filled only with ${option}`);
}

function viewOfInto<K extends ArrayKind>(
  views: Named[],
  into: QuantizeInto,
  name: keyof QuantizeInto,
  kind: K,
  length: number,
) {
  return into[name] === undefined ? undefined : listedView(views, `into.${name}`, kind, into[name], length);
}

function listedView<K extends ArrayKind>(views: Named[], name: string, kind: K, array: unknown, length: number) {
  const view = exactView(name, kind, array, length);
  views.push([name, view]);
  return view;
}

/**
 * The arrays to fill: views of the caller's, which are checked and listed by name too, or new ones. Nothing is
 * allocated before all are checked.
 */
export function outputsFor(needed: OutputsNeeded) {
  const { kind, length, scaleCount, scheme, packed, perChannel, dequantize, into, inputs } = needed;
  const kindOfCodes = packed ? "Uint8Array" : codeKind(scheme);
  const codesLength = packed ? packedLength(length, scheme.bits) : length;
  const figures = into.perChannel;
  if (into.dequantized !== undefined && !dequantize) throw unwantedError("dequantized", "dequantize: true");
  if (into.zeroPoints !== undefined && !scheme.zeroPoints) throw unwantedError("zeroPoints", "zeroPoints: true");
  if (figures !== undefined && !perChannel) throw unwantedError("perChannel", 'errors: "channel"');
  const views: Named[] = [];
  const quantized = viewOfInto(views, into, "quantized", kindOfCodes, codesLength);
  const scales = viewOfInto(views, into, "scales", kind, scaleCount);
  const zeroPoints = viewOfInto(views, into, "zeroPoints", codeKind(scheme), scaleCount);
  const dequantized = viewOfInto(views, into, "dequantized", kind, length);
  const errors = figures && {
    mse: listedView(views, "into.perChannel.mse", "Float64Array", figures.mse, scaleCount),
    maxError: listedView(views, "into.perChannel.maxError", "Float64Array", figures.maxError, scaleCount),
    sqnr: listedView(views, "into.perChannel.sqnr", "Float64Array", figures.sqnr, scaleCount),
  };
  checkApart(views, inputs);
  return {
    quantized: quantized ?? newArray(kindOfCodes, codesLength),
    scales: scales ?? newArray(kind, scaleCount),
    zeroPoints: scheme.zeroPoints ? (zeroPoints ?? newArray(codeKind(scheme), scaleCount)) : undefined,
    dequantized: dequantize ? (dequantized ?? newArray(kind, length)) : undefined,
    perChannel: perChannel ? (errors ?? newChannelErrors(scaleCount)) : undefined,
    views,
  };
}
