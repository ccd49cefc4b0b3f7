import { expect } from "vitest";

type Numbers = Int8Array | Uint8Array | Int16Array | Uint16Array | Float32Array | Float64Array;

/** The bits of element `index` as hexadecimal digits. */
function bitsOf(numbers: Numbers, index: number): string {
  const size = numbers.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset + index * size, size);
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .reverse()
    .join("")}`;
}

/** The array's bytes in the largest unit that its alignment allows. A million comparisons take a millisecond. */
function units(numbers: Numbers): Uint8Array | Uint32Array {
  const { buffer, byteOffset, byteLength } = numbers;
  return byteOffset % 4 === 0 && byteLength % 4 === 0
    ? new Uint32Array(buffer, byteOffset, byteLength / 4)
    : new Uint8Array(buffer, byteOffset, byteLength);
}

function firstDifference(actual: Numbers, expected: Numbers): number {
  const size = actual.BYTES_PER_ELEMENT;
  let [a, b] = [units(actual), units(expected)];
  if (a.BYTES_PER_ELEMENT !== b.BYTES_PER_ELEMENT) {
    a = new Uint8Array(actual.buffer, actual.byteOffset, actual.byteLength);
    b = new Uint8Array(expected.buffer, expected.byteOffset, expected.byteLength);
  }
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i]) continue;
    let index = Math.floor((i * a.BYTES_PER_ELEMENT) / size);
    while (bitsOf(actual, index) === bitsOf(expected, index)) index++; // one unit may hold several elements
    return index;
  }
  return -1;
}

/** Fails unless both arrays have the same type, length and bits, and names the first difference. */
export function expectSameBits(actual: Numbers, expected: Numbers, what: string): void {
  if (actual.constructor !== expected.constructor || actual.length !== expected.length) {
    expect.fail(
      `${what} is ${actual.constructor.name}(${actual.length}), ` +
        `expected ${expected.constructor.name}(${expected.length})`,
    );
  }
  const index = firstDifference(actual, expected);
  if (index === -1) return;
  expect.fail(
    `${what}[${index}] is ${actual[index]} (${bitsOf(actual, index)}), ` +
      `expected ${expected[index]} (${bitsOf(expected, index)})`,
  );
}

/** The same for one float64. */
export function expectSameDouble(actual: number, expected: number, what: string): void {
  expectSameBits(Float64Array.of(actual), Float64Array.of(expected), what);
}
