import { checkApart, checkArray, checkNames, type Named } from "./arguments.js";
import type { Bits, ChannelErrors, QuantizeInto } from "./types.js";

export type FloatKind = "Float32Array" | "Float64Array";
export type CodeKind = "Int8Array" | "Int16Array";

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

export function newChannelErrors(channels: number): ChannelErrors {
  const figures = () => newArray("Float64Array", channels);
  return { mse: figures(), maxError: figures(), sqnr: figures() };
}

export interface OutputsNeeded {
  /** The kind of array that holds the weights, and so scales and dequantized. */
  readonly kind: FloatKind;
  readonly length: number;
  readonly scaleCount: number;
  readonly bits: Bits;
  readonly perChannel: boolean;
  readonly dequantize: boolean;
  readonly into: QuantizeInto;
  /** The arrays that are read from. The caller's arrays may not overlap them. */
  readonly inputs: readonly Named[];
}

/** The arrays to fill: the caller's, checked, or new ones. Nothing is allocated before all are checked. */
export function outputsFor({ kind, length, scaleCount, bits, perChannel, dequantize, into, inputs }: OutputsNeeded) {
  const codeKind: CodeKind = bits > 8 ? "Int16Array" : "Int8Array";
  checkNames("into", into, intoNames);
  const others = [...inputs];
  const check = (name: string, array: unknown, kind: ArrayKind, length: number) => {
    checkArray(name, array, kind, length);
    checkApart(name, array as ArrayBufferView, others);
    others.push([name, array as ArrayBufferView]);
  };
  const { quantized, scales, dequantized, perChannel: figures } = into;
  if (quantized !== undefined) check("into.quantized", quantized, codeKind, length);
  if (scales !== undefined) check("into.scales", scales, kind, scaleCount);
  if (dequantized !== undefined) {
    if (!dequantize) throw new TypeError("into.dequantized is filled only with dequantize: true");
    check("into.dequantized", dequantized, kind, length);
  }
  if (figures !== undefined) {
    if (!perChannel) throw new TypeError('into.perChannel is filled only with errors: "channel"');
    checkNames("into.perChannel", figures, channelErrorNames);
    for (const name of channelErrorNames) check(`into.perChannel.${name}`, figures[name], "Float64Array", scaleCount);
  }
  return {
    quantized: quantized ?? newArray(codeKind, length),
    scales: scales ?? newArray(kind, scaleCount),
    dequantized: dequantize ? (dequantized ?? newArray(kind, length)) : undefined,
    perChannel: perChannel ? (figures ?? newChannelErrors(scaleCount)) : undefined,
  };
}
