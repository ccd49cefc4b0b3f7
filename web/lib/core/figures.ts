import type { Bindings } from "./glue.js";
import type { ChannelErrors, TotalErrors } from "./types.js";

/** How error figures lie in an array. */
export type FigurePlaces = Pick<
  Bindings,
  "figuresLength" | "errorSum" | "errorUnit" | "weightSum" | "weightUnit" | "largestError"
>;

/** The places by themselves: from the module, which has much else, they take an engine long to read. */
export function placesOf(bindings: Bindings): FigurePlaces {
  const { figuresLength, errorSum, errorUnit, weightSum, weightUnit, largestError } = bindings;
  return { figuresLength, errorSum, errorUnit, weightSum, weightUnit, largestError };
}

/** Reads the error figures of `count` weights at `at`. */
export function readFigures(places: FigurePlaces, figures: Float64Array, at: number, count: number): TotalErrors {
  const error = figures[at + places.errorSum] as number;
  const errorUnit = figures[at + places.errorUnit] as number;
  const weight = figures[at + places.weightSum] as number;
  const weightUnit = figures[at + places.weightUnit] as number;
  return {
    mse: inUnits(error / count, errorUnit),
    maxError: figures[at + places.largestError] as number,
    sqnr: error === 0 ? Number.POSITIVE_INFINITY : decibels(weight, error, weightUnit - errorUnit),
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

/** 10 log10(weight / error * 2^(1200 units)) in dB. */
function decibels(weight: number, error: number, units: number): number {
  const ratio = weight / error;
  // Sums of different units, or far apart, have no ratio that a double can hold.
  if (units === 0 && ratio < Number.POSITIVE_INFINITY) return 10 * Math.log10(ratio);
  return 10 * (Math.log10(weight) - Math.log10(error) + units * 1200 * Math.log10(2));
}

function inUnits(value: number, unit: number): number {
  // In two steps: 2^1200 is no double.
  const step = 2 ** (600 * unit);
  return value * step * step;
}
