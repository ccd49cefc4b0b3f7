import type { Bindings } from "./glue.js";
import type { ChannelErrors, TotalErrors } from "./types.js";

/** How error figures lie in an array. */
export type FigurePlaces = Pick<
  Bindings,
  "figuresLength" | "errorSum" | "errorUnit" | "weightSum" | "weightUnit" | "largestError" | "halfUnit"
>;

/** The places by themselves: from the module, which has much else, they take an engine long to read. */
export function placesOf(bindings: Bindings): FigurePlaces {
  const { figuresLength, errorSum, errorUnit, weightSum, weightUnit, largestError, halfUnit } = bindings;
  return { figuresLength, errorSum, errorUnit, weightSum, weightUnit, largestError, halfUnit };
}

/** Reads the error figures of `count` weights at `at`. */
export function readFigures(places: FigurePlaces, figures: Float64Array, at: number, count: number): TotalErrors {
  const error = figures[at + places.errorSum] as number;
  const errorBits = places.halfUnit * (figures[at + places.errorUnit] as number);
  const weight = figures[at + places.weightSum] as number;
  const weightBits = places.halfUnit * (figures[at + places.weightUnit] as number);
  return {
    mse: scaledTwice(error / count, errorBits),
    maxError: figures[at + places.largestError] as number,
    sqnr: error === 0 ? Number.POSITIVE_INFINITY : decibels(weight, error, 2 * (weightBits - errorBits)),
  };
}

/**
 * Reads the figures of `channels` channels of `count` weights each from the beginning of `figures`, into the places from
 * `start` on.
 */
export function readChannels(
  places: FigurePlaces,
  figures: Float64Array,
  channels: number,
  count: number,
  into: ChannelErrors,
  start: number,
) {
  for (let c = 0; c < channels; c++) {
    const { mse, maxError, sqnr } = readFigures(places, figures, c * places.figuresLength, count);
    into.mse[start + c] = mse;
    into.maxError[start + c] = maxError;
    into.sqnr[start + c] = sqnr;
  }
}

/** 10 log10(weight / error * 2^bits) in dB. */
function decibels(weight: number, error: number, bits: number): number {
  const ratio = weight / error;
  // Sums of different units, or far apart, have no ratio that a double can hold.
  if (bits === 0 && ratio < Number.POSITIVE_INFINITY) return 10 * Math.log10(ratio);
  return 10 * (Math.log10(weight) - Math.log10(error) + bits * Math.log10(2));
}

/** value * 2^(2 bits), in two steps: that power may be no double. */
function scaledTwice(value: number, bits: number): number {
  const step = 2 ** bits;
  return value * step * step;
}
