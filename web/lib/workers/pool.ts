import type { Engine } from "../core/memory/buffers.js";
import { nodeModule } from "../core/node-module.js";
import type { Runner } from "../stream/runner.js";
import { buffersOfTask, type Done, type Task } from "../stream/tasks.js";
import type { Failure, FromWorker, ToWorker } from "./messages.js";
import type { WorkerLike } from "./start.js";

/** The events of a page's workers and of Node's. */
interface Listenable extends WorkerLike {
  addEventListener?(type: string, listener: (event: MessageEvent & ErrorEvent) => void): void;
  on?(type: string, listener: (value: unknown) => void): void;
  /** Keeps the process running in Node while the worker works. */
  ref?(): void;
  unref?(): void;
}

interface Waiting {
  resolve(done: unknown): void;
  reject(error: Error): void;
}

/** A worker, and its pending answers. */
class Member {
  /** Resolves when the worker has an engine. */
  readonly started: Promise<unknown>;
  /** The number of its pending tasks. */
  load = 0;
  readonly #worker: Listenable;
  readonly #onEnd: () => void;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #ended: Error | undefined;

  /** @param onEnd called when the worker can no longer be used */
  constructor(worker: Listenable, module: WebAssembly.Module, onEnd: () => void) {
    this.#worker = worker;
    this.#onEnd = onEnd;
    this.#listen();
    this.started = this.#answer(0).then(() => this.ask({ module }, []));
    this.started.catch(() => {}); // reported to those who wait for it
  }

  #listen(): void {
    const worker = this.#worker;
    const end = (what: string, cause?: unknown) => this.end(new Error(`a worker of channelwise ${what}`, { cause }));
    if (worker.on) {
      worker.on("message", (data) => this.#receive(data as FromWorker));
      worker.on("messageerror", (error) => end(`sent a message that cannot be read: ${error}`, error));
      worker.on("error", (error) => end(`failed: ${error}`, error));
      worker.on("exit", (code) => end(`ended with exit code ${code}`));
      return;
    }
    worker.addEventListener?.("message", ({ data }) => this.#receive(data));
    worker.addEventListener?.("messageerror", () => end("sent a message that cannot be read"));
    worker.addEventListener?.("error", (event) => {
      event.preventDefault(); // it is reported here
      end(`failed${event.message ? `: ${event.message}` : " to load"}`, event.error);
    });
  }

  #answer(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  async ask(request: { task: Task } | { module: WebAssembly.Module }, transfer: ArrayBuffer[]): Promise<unknown> {
    if (this.#ended) throw this.#ended;
    const message: ToWorker = { ...request, id: ++this.#lastId };
    this.#worker.postMessage(message, transfer);
    this.#worker.ref?.();
    return this.#answer(message.id);
  }

  #receive(message: FromWorker): void {
    if (this.#ended) return; // pending answers are rejected once the worker has ended
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (this.#waiting.size === 0) this.#worker.unref?.();
    if ("error" in message) waiting?.reject(errorOf(message.error));
    else waiting?.resolve(message.done);
  }

  end(reason: Error): void {
    if (this.#ended) return;
    this.#ended = reason;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#onEnd();
    // Node reports when the worker has ended. Until then it could still write to shared memory.
    new Promise((resolve) => resolve(this.#worker.terminate()))
      .catch(() => {}) // terminate of a worker that the caller made may throw
      .then(() => {
        for (const { reject } of waiting) reject(reason);
      });
  }
}

function errorOf({ message, code }: Failure): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

/** Shares tasks among workers. The tasks of a worker that ends are rejected, and another worker replaces it. */
export class Pool implements Runner {
  readonly engine: Engine;
  readonly width: number;
  readonly hasFiles = nodeModule("node:fs") !== undefined;
  readonly #module: WebAssembly.Module;
  readonly #createWorker: () => WorkerLike;
  readonly #members: (Member | undefined)[];
  #closed = false;

  constructor(engine: Engine, module: WebAssembly.Module, width: number, createWorker: () => WorkerLike) {
    this.engine = engine;
    this.width = width;
    this.#module = module;
    this.#createWorker = createWorker;
    this.#members = new Array(width).fill(undefined);
  }

  /** Starts all workers. */
  async start(): Promise<void> {
    await Promise.all(this.#members.map((_, place) => this.#member(place).started));
  }

  async run<T extends Task>(task: T): Promise<Done<T>> {
    if (this.#closed) throw new Error("channelwise was closed; load() gives a new one");
    const members = this.#members.map((_, place) => this.#member(place));
    const member = members.reduce((least, other) => (other.load < least.load ? other : least));
    member.load++;
    try {
      await member.started;
      return (await member.ask({ task }, buffersOfTask(task))) as Done<T>;
    } finally {
      member.load--;
    }
  }

  /** Ends all workers, and rejects their pending tasks. */
  close(): void {
    this.#closed = true;
    for (const member of this.#members) member?.end(new Error("channelwise was closed"));
  }

  /** The worker with an index, which is started if there is none. */
  #member(place: number): Member {
    const present = this.#members[place];
    if (present) return present;
    const started: Member = new Member(this.#createWorker(), this.#module, () => {
      this.#members[place] = undefined;
    });
    this.#members[place] = started;
    return started;
  }
}
