// The versions of ONNX's operators.

/** The last version whose changes are known. */
export const newestOpset = 25;

/** The IR version that came with each operator set, the newest first. */
const irVersions: readonly (readonly [opset: number, irVersion: number])[] = [
  [25, 13],
  [24, 12],
  [23, 11],
  [21, 10],
  [19, 9],
  [15, 8],
  [12, 7],
  [11, 6],
  [10, 5],
  [9, 4],
];

/** The least IR version of a model with an operator set. */
export function irVersionOf(opset: number): number {
  return irVersions.find(([since]) => opset >= since)?.[1] ?? 3;
}

/**
 * Operators that ONNX Runtime 1.30 runs up to opset 21 and refuses from opset 22 on, where ONNX gave them a
 * new version.
 */
export const runUpTo21: ReadonlySet<string> = new Set([
  "Bernoulli",
  "GlobalLpPool",
  "MaxRoiPool",
  "Multinomial",
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "RoiAlign",
]);
