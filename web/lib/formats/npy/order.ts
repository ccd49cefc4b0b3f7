// The order of bytes in elements, and of elements in tensors.

type Elements =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

/** Turns big-endian elements into little-endian ones, and back. */
export function reverseElements(bytes: Uint8Array, elementBytes: number) {
  for (let first = 0; first < bytes.length; first += elementBytes) {
    for (let low = first, high = first + elementBytes - 1; low < high; low++, high--) {
      const byte = bytes[low];
      bytes[low] = bytes[high];
      bytes[high] = byte;
    }
  }
}

/** Reorders values from Fortran's order, in which the first index runs fastest, to row-major order. */
export function toRowMajor<A extends Elements>(values: A, shape: readonly number[]): A {
  const strides: number[] = [];
  shape.reduce((stride, dimension, i) => {
    strides[i] = stride;
    return stride * dimension;
  }, 1);

  const reordered = new (values.constructor as new (length: number) => A)(values.length);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < reordered.length; to++) {
    reordered[to] = values[from];
    for (let d = shape.length - 1; d >= 0; d--) {
      from += strides[d];
      if (++index[d] < shape[d]) break;
      from -= index[d] * strides[d];
      index[d] = 0;
    }
  }
  return reordered;
}
