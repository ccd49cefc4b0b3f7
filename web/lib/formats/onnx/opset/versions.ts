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
