import { expect, it } from "vitest";
import { widenFloat8 } from "../../../dist/tensor/float8.js";
import { widenFloat16 } from "../../../dist/tensor/floats.js";
import { expectSameBits } from "../same-bits.js";

const codes = Uint8Array.from({ length: 256 }, (_, code) => code);

it("a float of 5 bits of exponent is the upper half of a float16", () => {
  const finite = codes.filter((code) => (code & 0x7c) !== 0x7c);
  const halves = Uint16Array.from(finite, (code) => code << 8);
  expectSameBits(widenFloat8("float8_e5m2", finite), widenFloat16(halves), "float8_e5m2");
  expect([...widenFloat8("float8_e5m2", Uint8Array.of(0x7c, 0xfc, 0x7d, 0x7b))]).toEqual([
    Infinity,
    -Infinity,
    Number.NaN,
    57344,
  ]);
});

it("a float of 4 bits of exponent has no infinities", () => {
  const floats = widenFloat8("float8_e4m3fn", codes);
  expect([...floats].filter(Number.isNaN)).toHaveLength(2);
  expect([0x00, 0x01, 0x07, 0x08, 0x38, 0x39, 0x7e, 0xb8].map((code) => floats[code])).toEqual([
    ...[0, 2 ** -9, 7 * 2 ** -9, 2 ** -6, 1, 1.125, 448, -1],
  ]);
  // From one code to the next, numbers grow.
  expect(floats.subarray(0, 0x7f)).toEqual(floats.slice(0, 0x7f).sort());
});
