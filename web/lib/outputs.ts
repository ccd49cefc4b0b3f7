import { checkApart, checkArray, checkNames } from "./arguments.js";
import type { Bits, ChannelErrors, QuantizeInto } from "./types.js";

export type FloatKind = "Float32Array" | "Float64Array";
export type CodeKind = "Int8Array" | "Int16Array";

export const channelErrorNames = ["mse", "maxError", "sqnr"] as const satisfies (keyof ChannelErrors)[];

const constructors = { Float32Array, Float64Array, Int8Array, Int16Array, Uint16Array };
export type ArrayKind = keyof typeof constructors;

export function newArray<K extends ArrayKind>(kind: K, length: number) {
  return new constructors[kind](length) as InstanceType<(typeof constructors)[K]>;
}

export function newChannelErrors(channels: number): ChannelErrors {
  const figures = () => newArray("Float64Array", channels);
  return { mse: figures(), maxError: figures(), sqnr: figures() };
}

export interface OutputsNeeded {
  /** Of the weights, and so of scales and dequantized. */
  readonly kind: FloatKind;
  readonly length: number;
  readonly scaleCount: number;
  readonly bits: Bits;
  readonly perChannel: boolean;
  readonly dequantize: boolean;
  readonly into: QuantizeInto;
  /** What is read from, for the caller's arrays to stay clear of. */
  readonly inputs: readonly ArrayBufferView[];
}

/** The arrays to fill: the caller's, checked, or new ones. Nothing is allocated before all are checked. */
export function outputsFor({ kind, length, scaleCount, bits, perChannel, dequantize, into, inputs }: OutputsNeeded) {
  const codeKind: CodeKind = bits > 8 ? "Int16Array" : "Int8Array";
  checkNames("into", into, ["quantized", "scales", "dequantized", "perChannel"] satisfies (keyof QuantizeInto)[]);
  if (into.quantized !== undefined) checkArray("into.quantized", into.quantized, codeKind, length);
  if (into.scales !== undefined) checkArray("into.scales", into.scales, kind, scaleCount);
  if (into.dequantized !== undefined) {
    if (!dequantize) throw new TypeError("into.dequantized is filled only with dequantize: true");
    checkArray("into.dequantized", into.dequantized, kind, length);
  }
  const figures = into.perChannel;
  if (figures !== undefined) {
    if (!perChannel) throw new TypeError('into.perChannel is filled only with errors: "channel"');
    checkNames("into.perChannel", figures, channelErrorNames);
    for (const name of channelErrorNames) {
      checkArray(`into.perChannel.${name}`, figures[name], "Float64Array", scaleCount);
    }
  }
  checkApart(
    [
      ["into.quantized", into.quantized],
      ["into.scales", into.scales],
      ["into.dequantized", into.dequantized],
      ...channelErrorNames.map((name) => [`into.perChannel.${name}`, figures?.[name]] as const),
    ],
    inputs.map((view) => ["weights", view] as const),
  );
  return {
    quantized: into.quantized ?? newArray(codeKind, length),
    scales: into.scales ?? newArray(kind, scaleCount),
    dequantized: dequantize ? (into.dequantized ?? newArray(kind, length)) : undefined,
    perChannel: perChannel ? (figures ?? newChannelErrors(scaleCount)) : undefined,
  };
}
