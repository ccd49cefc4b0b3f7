/**
 * Runs `width` actions at a time, so that reading, arithmetic and writing overlap. They finish one after the other, in
 * the order in which they began. The first failure, in that order, ends all.
 */
export class Pipeline {
  readonly #width: number;
  readonly #signal: AbortSignal | undefined;
  readonly #unfinished: Promise<void>[] = [];
  readonly #underWay = new Set<Promise<unknown>>();
  #last: Promise<void> = Promise.resolve();

  constructor(width: number, signal: AbortSignal | undefined) {
    this.#width = width;
    this.#signal = signal;
  }

  /** Resolves when another action can begin. Rejects when one has failed, or with the signal's reason. */
  async room(): Promise<void> {
    if (this.#unfinished.length >= this.#width) await this.#unfinished.shift();
    this.#signal?.throwIfAborted();
  }

  /** Begins an action. `finish` has its turn when all before it have finished; the promise resolves with it. */
  add<R>(begin: () => Promise<R>, finish: (result: R) => Promise<void> | void): Promise<void> {
    const result = this.#watched(begin());
    const turn = this.#watched(
      this.#last
        .then(() => result)
        .then((value) => {
          this.#signal?.throwIfAborted();
          return finish(value);
        }),
    );
    this.#last = turn;
    this.#unfinished.push(turn);
    return turn;
  }

  /** Resolves when everything has finished. */
  finished(): Promise<void> {
    return this.#last;
  }

  /** Resolves when no action is pending, whether it failed or not. */
  async quiet(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  /** Whoever awaits a promise reports its failure. Without this, failures that nobody awaits would be unhandled. */
  #watched<R>(promise: Promise<R>): Promise<R> {
    this.#underWay.add(promise);
    const forget = () => {
      this.#underWay.delete(promise);
    };
    promise.then(forget, forget);
    return promise;
  }
}

/** The beginning of an action that does all its work in its turn. */
export async function nothing(): Promise<void> {}
