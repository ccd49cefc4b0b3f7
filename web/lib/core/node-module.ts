/** What is used of Node's modules. */
interface NodeModules {
  "node:fs": {
    readSync(descriptor: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
    writeSync(descriptor: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  };
  "node:os": { availableParallelism(): number; platform(): string };
  "node:worker_threads": {
    Worker: new (
      code: string,
      options: { eval: true; execArgv: string[] },
    ) => { postMessage(message: unknown, transfer: ArrayBuffer[]): void; terminate(): unknown };
    parentPort: unknown;
  };
}

declare const process: { getBuiltinModule?<N extends keyof NodeModules>(name: N): NodeModules[N] } | undefined;

/**
 * A module of Node, where Node runs this. It is asked for in a way that leaves nothing for a bundler to resolve. The
 * globals of a page would not tell the two apart, because libraries for Node define some of them, such as Worker.
 */
export function nodeModule<N extends keyof NodeModules>(name: N): NodeModules[N] | undefined {
  return typeof process === "object" && typeof document !== "object" ? process.getBuiltinModule?.(name) : undefined;
}
