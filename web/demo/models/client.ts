/** A task given up by the person, or because what it was for is not wanted any more. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** Every task of a worker: what it is given, and what it answers. */
type TasksOf<T> = { readonly [K in keyof T]: { given: unknown; answer: unknown } };

type Reply<P> =
  | { readonly id: number; readonly progress: P }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: string };

export interface AskOptions<P> {
  /** Ends the task, which is then rejected with Cancelled. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: P) => void;
}

interface Pending<P> extends AskOptions<P> {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** The page's side of a worker that does tasks T and tells of them in P. */
export class Client<T extends TasksOf<T>, P = never> {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending<P>>();
  #nextId = 0;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data }: MessageEvent<Reply<P>>) => this.#receive(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#rejectAll(new Error(`The worker cannot run: ${event.message || "its script did not load"}.`));
    });
  }

  ask<K extends keyof T>(task: K, given: T[K]["given"], options: AskOptions<P> = {}): Promise<T[K]["answer"]> {
    const id = this.#nextId++;
    return new Promise<T[K]["answer"]>((resolve, reject) => {
      this.#pending.set(id, { ...options, resolve, reject });
      options.signal?.addEventListener("abort", () => this.#worker.postMessage({ cancel: id }), { once: true });
      this.#worker.postMessage({ id, task, given });
    });
  }

  /** Ends the worker and all it is doing. */
  close() {
    this.#worker.terminate();
    this.#rejectAll(new Cancelled());
  }

  #receive(reply: Reply<P>) {
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
