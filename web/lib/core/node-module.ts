/** The parts of Node's modules that are used. */
interface NodeModules {
  "node:fs": {
    read(
      descriptor: number,
      buffer: Uint8Array,
      offset: number,
      length: number,
      position: number,
      done: (error: Error | null, bytesRead: number) => void,
    ): void;
    readSync(descriptor: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
    writeSync(descriptor: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  };
  "node:fs/promises": { readFile(file: URL): Promise<Uint8Array<ArrayBuffer>> };
  "node:os": { availableParallelism(): number; platform(): string };
  "node:worker_threads": {
    Worker: new (
      code: string,
      options: { eval: true; execArgv: string[] },
    ) => { postMessage(message: unknown, transfer: ArrayBuffer[]): void; terminate(): unknown };
    parentPort: unknown;
  };
  "node:zlib": { inflateRawSync(bytes: Uint8Array): Uint8Array };
}

declare const process:
  | { type?: string; getBuiltinModule?<N extends keyof NodeModules>(name: N): NodeModules[N] }
  | undefined;

/**
 * Loads a module of Node where Node runs this, even if a test environment such as jsdom imitates a page in it. A page
 * of Electron counts as a page. Bundlers have nothing to resolve. Other globals would not tell, because libraries for
 * Node define some of a page's, such as Worker.
 */
export function nodeModule<N extends keyof NodeModules>(name: N): NodeModules[N] | undefined {
  if (typeof process !== "object" || process.type === "renderer" || process.type === "worker") return undefined;
  return process.getBuiltinModule?.(name);
}
