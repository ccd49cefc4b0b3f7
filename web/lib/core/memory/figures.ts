import type { ChannelErrors, TotalErrors } from "../types.js";
import type { Bindings } from "../wasm/glue.js";

/** The layout of error figures in an array: how many numbers they have, and their places; and the numbers of searches. */
export type FigurePlaces = ReturnType<typeof placesOf>;

export function placesOf(bindings: Bindings) {
  const [figuresLength, errorSum, errorUnit, weightSum, weightUnit, largestError, halfUnit, searchLength, sweepSums] =
    bindings.figurePlaces() as unknown as readonly [number, ...Eight];
  return {
    figuresLength,
    errorSum,
    errorUnit,
    weightSum,
    weightUnit,
    largestError,
    /** A sum of squares is value * 2^(2 halfUnit unit), so that no square of a double under- or overflows. */
    halfUnit,
    /** Numbers that a search keeps of a channel. */
    searchLength,
    /** Numbers that a sweep adds up for a channel. */
    sweepSums,
  };
}

type Eight = [number, number, number, number, number, number, number, number];

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
 * Reads the figures of `channels` channels of `count` weights each from the beginning of `figures`, into indices from
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
  // For sums of different units, or far apart, a double cannot hold the ratio.
  if (bits === 0 && ratio < Number.POSITIVE_INFINITY) return 10 * Math.log10(ratio);
  return 10 * (Math.log10(weight) - Math.log10(error) + bits * Math.log10(2));
}

/** value * 2^(2 bits), in two steps, because that power may exceed a double. */
function scaledTwice(value: number, bits: number): number {
  const step = 2 ** bits;
  return value * step * step;
}
