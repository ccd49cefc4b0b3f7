/** A question was given up by the person, or because what it was for is not wanted any more. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** Every question of a worker: what it is given, and what it answers. */
type QuestionsOf<T> = { readonly [K in keyof T]: { given: unknown; answer: unknown } };

type Reply<P> =
  | { readonly id: number; readonly progress: P }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: string };

export interface AskOptions<P> {
  /** Ends the question, which is then rejected with Cancelled. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: P) => void;
}

interface Pending<P> extends AskOptions<P> {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** The page's side of a worker that answers the questions T and tells of them in P. */
export class Client<T extends QuestionsOf<T>, P = never> {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending<P>>();
  #nextId = 0;
  /** Why nothing can be asked any more. */
  #ended: Error | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    const breakDown = (reason: string) => this.#end(new Error(`The worker of this page broke down: ${reason}.`));
    worker.addEventListener("message", ({ data }: MessageEvent<Reply<P>>) => this.#receive(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      breakDown(event.message || "its script did not load; reload the page");
    });
    worker.addEventListener("messageerror", () => breakDown("its answer is too large for this browser tab"));
  }

  /** The worker was closed or broke down. */
  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  ask<K extends keyof T>(question: K, given: T[K]["given"], options: AskOptions<P> = {}): Promise<T[K]["answer"]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise<T[K]["answer"]>((resolve, reject) => {
      this.#worker.postMessage({ id, question, given });
      this.#pending.set(id, { ...options, resolve, reject });
      options.signal?.addEventListener("abort", () => this.#worker.postMessage({ cancel: id }), { once: true });
    });
  }

  /** Ends the worker and all it is doing. */
  close() {
    this.#end(new Cancelled());
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

  #end(reason: Error) {
    this.#worker.terminate();
    this.#ended ??= reason;
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }
}

/** Ignores the end of work that nobody waits for any more. */
export function ignoreCancelled(error: unknown): undefined {
  if (!(error instanceof Cancelled)) throw error;
}
