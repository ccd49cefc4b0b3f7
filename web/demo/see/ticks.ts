/** Round values along an axis, and the places of values on it. */

/** Returns the place of a value in pixels. */
export type Place = (value: number) => number;

export function linear([from, to]: readonly [number, number], [start, end]: readonly [number, number]): Place {
  return (value) => start + ((value - from) / (to - from)) * (end - start);
}

export function logarithmic([from, to]: readonly [number, number], [start, end]: readonly [number, number]): Place {
  return (value) => start + (Math.log(value / from) / Math.log(to / from)) * (end - start);
}

/** Two to `most` + 1 round values from one number to another. */
export function linearTicks(from: number, to: number, most = 4): number[] {
  // Each is divided first: the difference of two large numbers may exceed a float64.
  const step = niceStep(to / most - from / most);
  const first = Math.ceil(from / step);
  // Multiplying may give 0.30000000000000004; adding 0 turns -0 into 0.
  return Array.from(
    { length: Math.floor(to / step) - first + 1 },
    (_, i) => Number(((first + i) * step).toPrecision(12)) + 0,
  );
}

/** Powers of ten between two numbers; every second, third ... of them where there are many. */
export function decadeTicks(from: number, to: number, most = 5): number[] {
  const [first, last] = [Math.ceil(Math.log10(from)), Math.floor(Math.log10(to))];
  const every = Math.ceil((last - first + 1) / most);
  return Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, i) => Number(`1e${first + i * every}`));
}

/** The next of 1, 2, 5, 10, 20, 50 ... at or above a value. */
export function niceStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((digit) => digit * power >= value) ?? 10);
}
