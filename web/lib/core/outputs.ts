import { checkApart, type Named } from "./apart.js";
import { checkArray, checkNames } from "./arguments.js";
import { bufferOf, byteOffsetOf, lengthOf } from "./arrays.js";
import { codeKind, type Scheme } from "./scheme.js";
import type { ChannelErrors, QuantizeInto } from "./types.js";

export type FloatKind = "Float32Array" | "Float64Array";

export const channelErrorNames = ["mse", "maxError", "sqnr"] as const satisfies (keyof ChannelErrors)[];

const intoNames = ["quantized", "scales", "dequantized", "perChannel"] satisfies (keyof QuantizeInto)[];

const constructors = { Float32Array, Float64Array, Int8Array, Int16Array, Uint16Array };
export type ArrayKind = keyof typeof constructors;

export const bytesPer: Readonly<Record<ArrayKind, number>> = {
  Float32Array: 4,
  Float64Array: 8,
  Int8Array: 1,
  Int16Array: 2,
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
 * The elements of an array of the caller's, in one that is ours: always of the same length, or of none where the buffer was
 * transferred or became too short, and with no methods but the language's own.
 */
export function viewOf<K extends ArrayKind>(kind: K, array: ArrayBufferView) {
  const buffer = bufferOf(array) as ArrayBuffer;
  return new constructors[kind](buffer, byteOffsetOf(array), lengthOf(array)) as InstanceType<(typeof constructors)[K]>;
}

export function newChannelErrors(channels: number): ChannelErrors {
  const figures = () => newArray("Float64Array", channels);
  return { mse: figures(), maxError: figures(), sqnr: figures() };
}

/** The caller's arrays to fill, each read once. */
export function takeInto(into: QuantizeInto): QuantizeInto {
  checkNames("into", into, intoNames);
  const { quantized, scales, dequantized, perChannel } = into;
  const arrays = { quantized, scales, dequantized } as QuantizeInto;
  if (perChannel === undefined) return arrays;
  checkNames("into.perChannel", perChannel, channelErrorNames);
  const { mse, maxError, sqnr } = perChannel;
  return { ...arrays, perChannel: { mse, maxError, sqnr } };
}

export interface OutputsNeeded {
  /** The kind of array that holds the weights, and so scales and dequantized. */
  readonly kind: FloatKind;
  readonly length: number;
  readonly scaleCount: number;
  readonly scheme: Scheme;
  readonly perChannel: boolean;
  readonly dequantize: boolean;
  /** As takeInto() gives it. */
  readonly into: QuantizeInto;
  /** The arrays that are read from. The caller's arrays may not overlap them. */
  readonly inputs: readonly Named[];
}

/**
 * The arrays to fill, which are checked views of the caller's or new ones, what the result has for them, and those views
 * by name. Nothing is allocated before all are checked.
 */
export function outputsFor({ kind, length, scaleCount, scheme, perChannel, dequantize, into, inputs }: OutputsNeeded) {
  const kindOfCodes = codeKind(scheme);
  const { perChannel: figures } = into;
  const views: Named[] = [];
  const check = <K extends ArrayKind>(name: string, array: unknown, kind: K, length: number) => {
    checkArray(name, array, kind, length);
    const view = viewOf(kind, array as ArrayBufferView);
    checkApart(name, view, inputs);
    checkApart(name, view, views);
    views.push([name, view]);
    return view;
  };
  if (into.dequantized !== undefined && !dequantize) {
    throw new TypeError("into.dequantized is filled only with dequantize: true");
  }
  if (figures !== undefined && !perChannel) {
    throw new TypeError('into.perChannel is filled only with errors: "channel"');
  }
  const viewIfGiven = <K extends ArrayKind>(name: string, array: unknown, kind: K, length: number) =>
    array === undefined ? undefined : check(name, array, kind, length);
  const codes = viewIfGiven("into.quantized", into.quantized, kindOfCodes, length);
  const scales = viewIfGiven("into.scales", into.scales, kind, scaleCount);
  const values = viewIfGiven("into.dequantized", into.dequantized, kind, length);
  const checkFigures = (name: keyof ChannelErrors) =>
    check(`into.perChannel.${name}`, figures?.[name], "Float64Array", scaleCount);
  const errors = figures && {
    mse: checkFigures("mse"),
    maxError: checkFigures("maxError"),
    sqnr: checkFigures("sqnr"),
  };
  const filled = {
    quantized: codes ?? newArray(kindOfCodes, length),
    scales: scales ?? newArray(kind, scaleCount),
    dequantized: dequantize ? (values ?? newArray(kind, length)) : undefined,
    perChannel: perChannel ? (errors ?? newChannelErrors(scaleCount)) : undefined,
  };
  const results = {
    quantized: into.quantized ?? filled.quantized,
    scales: into.scales ?? filled.scales,
    dequantized: into.dequantized ?? filled.dequantized,
    perChannel: figures ?? filled.perChannel,
  };
  return { filled, results, views };
}
