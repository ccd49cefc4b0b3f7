// The parts of Node that are used. They are declared here since the library's types do not include Node's.

export interface FileStat {
  readonly size: number;
  readonly dev: number;
  readonly ino: number;
  readonly mtimeMs: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
  isSymbolicLink(): boolean;
}

export interface FileHandle {
  readonly fd: number;
  stat(): Promise<FileStat>;
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

interface FileSystem {
  readonly constants: { readonly O_RDONLY: number; readonly O_NONBLOCK?: number };
  open(path: string, flags: string | number): Promise<FileHandle>;
  stat(path: string): Promise<FileStat>;
  statfs(path: string): Promise<{ readonly type: number; readonly bsize: number; readonly bavail: number }>;
  lstat(path: string): Promise<FileStat>;
  readdir(path: string): Promise<string[]>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

interface Modules {
  "node:fs/promises": FileSystem;
  "node:os": { hostname(): string; tmpdir(): string };
  "node:path": { basename(path: string): string; dirname(path: string): string; join(...parts: string[]): string };
  "node:url": { fileURLToPath(url: URL): string };
}

declare const process: { getBuiltinModule<N extends keyof Modules>(name: N): Modules[N] } | undefined;

/** Loads a module of Node without an import that a bundler would resolve. */
export function nodeModule<N extends keyof Modules>(name: N): Modules[N] {
  if (typeof process !== "object" || typeof process.getBuiltinModule !== "function") {
    throw new TypeError("paths are read and written in Node only (from 20.16 on); give a File or a Blob");
  }
  return process.getBuiltinModule(name);
}
