/** Where the elements of a tensor lie in one that is padded at the end of a dimension. */
export interface Padding {
  /** How many elements lie before a place of the padded tensor. */
  before(place: number): number;
  /** The stretches of elements among `count` places of the padded tensor from `start` on, as first and end place. */
  stretches(start: number, count: number): Iterable<readonly [first: number, end: number]>;
}

/**
 * @param shape the dimensions of the padded tensor
 * @param along the dimension that is padded
 * @param count the number of elements that are no padding
 */
export function paddingOf(shape: readonly number[], along: number, count: number): Padding {
  const product = (dimensions: readonly number[]) => dimensions.reduce((a, b) => a * b, 1);
  const padded = product(shape.slice(along));
  const filled = count / product(shape.slice(0, along));
  return {
    before: (place) => Math.floor(place / padded) * filled + Math.min(place % padded, filled),
    *stretches(start, count) {
      const last = start + count;
      for (let row = Math.floor(start / padded); row * padded < last; row++) {
        const first = Math.max(start, row * padded);
        const end = Math.min(last, row * padded + filled);
        if (first < end) yield [first, end];
      }
    },
  };
}
