import type { ModelReply, ModelRequest, ModelTask, ModelTasks, Progress } from "./protocol.js";

/** A task given up by the person, or because what it was for is not wanted any more. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

export interface AskOptions {
  /** Ends the task, which is then rejected with Cancelled. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

interface Pending extends AskOptions {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** The page's side of the worker that holds a model. */
export class ModelClient {
  readonly #worker = new Worker(new URL("./worker/worker.ts", import.meta.url), { type: "module" });
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;

  constructor() {
    this.#worker.addEventListener("message", ({ data }: MessageEvent<ModelReply>) => this.#receive(data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#rejectAll(new Error(`The worker cannot run: ${event.message || "its script did not load"}.`));
    });
  }

  ask<T extends ModelTask>(
    task: T,
    given: ModelTasks[T]["given"],
    options: AskOptions = {},
  ): Promise<ModelTasks[T]["answer"]> {
    const id = this.#nextId++;
    return new Promise<ModelTasks[T]["answer"]>((resolve, reject) => {
      this.#pending.set(id, { ...options, resolve, reject });
      options.signal?.addEventListener("abort", () => this.#post({ cancel: id }), { once: true });
      this.#post({ id, task, given } as ModelRequest);
    });
  }

  /** Ends the worker and all it is doing. */
  close() {
    this.#worker.terminate();
    this.#rejectAll(new Cancelled());
  }

  #post(request: ModelRequest) {
    this.#worker.postMessage(request);
  }

  #receive(reply: ModelReply) {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    if ("progress" in reply) {
      pending.onProgress?.(reply.progress);
      return;
    }
    this.#pending.delete(reply.id);
    if ("answer" in reply) pending.resolve(reply.answer as never);
    else pending.reject(pending.signal?.aborted ? new Cancelled() : new Error(reply.failure));
  }

  #rejectAll(error: Error) {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
