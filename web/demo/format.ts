const grouped = new Intl.NumberFormat("en");

/** An integer with separated thousands. */
export function count(value: number): string {
  return grouped.format(value);
}

/** A number with its noun, such as "1 scale" or "1,024 scales". */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** A number with this many significant digits, without trailing zeros; very small and large ones have an exponent. */
export function digits(value: number, significant: number): string {
  const rounded = Number(value.toPrecision(significant));
  const magnitude = Math.abs(rounded);
  return magnitude === 0 || (magnitude >= 1e-4 && magnitude < 1e9) ? String(rounded) : rounded.toExponential();
}

/** The same with a true minus sign, for text that is read and not copied. */
export function typeset(value: number, significant: number): string {
  return digits(value, significant).replaceAll("-", "−");
}

export function decibels(sqnr: number): string {
  return sqnr === Infinity ? "exact" : `${sqnr.toFixed(2)} dB`;
}

export function bytes(value: number): string {
  if (value < 1e4) return counted(value, "byte");
  const unit = value < 1e6 ? "KB" : value < 1e9 ? "MB" : "GB";
  const scaled = value / { KB: 1e3, MB: 1e6, GB: 1e9 }[unit];
  return `${scaled.toFixed(scaled < 100 ? 1 : 0)} ${unit}`;
}

/** A shape such as "4096 × 4096". */
export function shapeText(shape: readonly number[]): string {
  return shape.join(" × ");
}
