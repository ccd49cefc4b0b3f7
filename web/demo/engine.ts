import type { Reply, Request, Source, Task, Tasks } from "./protocol.js";

/** A task given up because newer input made it pointless, or because the person cancelled it. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** What was asked for, or undefined where it was given up meanwhile. */
export async function unlessInterrupted<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Interrupted) return undefined;
    throw error;
  }
}

/** A task failed in the worker; the range is the part of the pasted text to point at. */
export class TaskError extends Error {
  override readonly name = "TaskError";
  readonly range: readonly [start: number, length: number] | undefined;

  constructor(message: string, range: readonly [start: number, length: number] | undefined) {
    super(message);
    this.range = range;
  }
}

interface Pending {
  task: Task;
  resolve: (answer: never) => void;
  reject: (error: Error) => void;
}

/** Tasks that may take long and cannot be given up halfway. The others end soon, or at their next stage. */
const ENDLESS: readonly Task[] = ["open", "save"];

/** The page's side of the worker: one question, one answer, and a new worker where the old one must be stopped. */
export class Engine {
  /** Told what the worker is doing. */
  onProgress: (stage: string) => void = () => {};
  #worker = this.#spawn();
  #pending = new Map<number, Pending>();
  #nextId = 0;
  #opened: Source | undefined;

  /** The source that the worker holds. */
  get opened(): Source | undefined {
    return this.#opened;
  }

  ask<T extends Task>(task: T, given: Tasks[T]["given"]): Promise<Tasks[T]["answer"]> {
    const id = this.#nextId++;
    return new Promise<Tasks[T]["answer"]>((resolve, reject) => {
      this.#pending.set(id, { task, resolve, reject });
      this.#worker.postMessage({ id, task, given } as Request);
    });
  }

  async open(source: Source): Promise<Tasks["open"]["answer"]> {
    const answer = await this.ask("open", source);
    this.#opened = source;
    return answer;
  }

  /** Gives up whatever is under way; the worker is ended only where it would not stop soon by itself. */
  interrupt() {
    if ([...this.#pending.values()].some(({ task }) => ENDLESS.includes(task))) {
      this.#worker.terminate();
      this.#worker = this.#spawn();
      this.#opened = undefined;
    } else if (this.#pending.size > 0) {
      this.#worker.postMessage({ firstWanted: this.#nextId } satisfies Request);
    }
    this.#rejectAll(new Interrupted());
  }

  #spawn(): Worker {
    const worker = new Worker(new URL("./worker/worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => this.#receive(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#rejectAll(
        new TaskError(`The worker cannot run: ${event.message || "its script did not load"}.`, undefined),
      );
    });
    return worker;
  }

  #receive(reply: Reply) {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    if ("progress" in reply) {
      this.onProgress(reply.progress);
      return;
    }
    this.#pending.delete(reply.id);
    if ("outdated" in reply) pending.reject(new Interrupted());
    else if ("failure" in reply) pending.reject(new TaskError(reply.failure.message, reply.failure.range));
    else pending.resolve(reply.answer as never);
  }

  #rejectAll(error: Error) {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
