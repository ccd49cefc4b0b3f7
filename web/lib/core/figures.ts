import type { ChannelErrors, TotalErrors } from "./types.js";

/** Numbers of one channel's error figures in the wasm memory (ErrorFigures of cpp/core/error_figures.h). */
export const figuresLength = 5;

/**
 * Reads the figures of `count` weights at `at`: sum of squared errors and its unit, sum of squared weights and its unit,
 * largest error. A sum is value * 2^(1200 unit), so that no square of a double under- or overflows.
 */
export function readFigures(figures: Float64Array, at: number, count: number): TotalErrors {
  const error = figures[at] as number;
  const errorUnit = figures[at + 1] as number;
  const weight = figures[at + 2] as number;
  const weightUnit = figures[at + 3] as number;
  return {
    mse: inUnits(error / count, errorUnit),
    maxError: figures[at + 4] as number,
    sqnr: error === 0 ? Number.POSITIVE_INFINITY : decibels(weight, error, weightUnit - errorUnit),
  };
}

/**
 * Reads the figures of `channels` channels of `count` weights each from the beginning of `figures`, into the places from
 * `start` on.
 */
export function readChannels(
  figures: Float64Array,
  channels: number,
  count: number,
  into: ChannelErrors,
  start: number,
) {
  for (let c = 0; c < channels; c++) {
    const { mse, maxError, sqnr } = readFigures(figures, c * figuresLength, count);
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
