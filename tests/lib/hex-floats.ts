// Floats as the hexadecimal digits of their 64 bits, as reference.py reads and writes them, so that nothing is lost.

export function toHex(value: number): string {
  return new BigUint64Array(Float64Array.of(value).buffer)[0].toString(16).padStart(16, "0");
}

export function fromHex(digits: string): number {
  return new Float64Array(BigUint64Array.of(BigInt(`0x${digits}`)).buffer)[0];
}

export const matrixToHex = (rows: readonly (readonly number[])[]) => rows.map((row) => row.map(toHex));
export const matrixFromHex = (rows: readonly (readonly string[])[]) => rows.map((row) => row.map(fromHex));
