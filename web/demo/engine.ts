import type { Question, Questions, Reply, Request, Settings, Source, Summary } from "./protocol.js";

/**
 * An error for a question that was given up: newer input made it pointless, the person cancelled it, or its subject is
 * gone.
 */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** The answer, or undefined if the question was given up. */
export async function unlessInterrupted<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Interrupted) return undefined;
    throw error;
  }
}

/** An error for a question that the worker could not answer. The range is the part of the pasted text to point at. */
export class QuestionError extends Error {
  override readonly name = "QuestionError";
  readonly range: readonly [start: number, length: number] | undefined;

  constructor(message: string, range: readonly [start: number, length: number] | undefined) {
    super(message);
    this.range = range;
  }
}

interface Pending {
  question: Question;
  resolve: (answer: never) => void;
  reject: (error: Error) => void;
}

/** Questions that may take long and cannot be stopped halfway. The others end soon, or at their next stage. */
const ENDLESS: readonly Question[] = ["open", "save"];

/**
 * The page's side of the worker: one question, one answer, and a new worker if the old one must be stopped. Only this
 * class knows which questions are outdated: every reply of the worker is an answer or an error.
 */
export class Engine {
  /** Called with the stage that the worker is at. */
  onProgress: (stage: string) => void = () => {};
  /** Called if the worker breaks down. All its questions are given up. */
  onBreakdown: (error: Error) => void = () => {};
  #worker: Worker | undefined = this.#spawn();
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #opened: Source | undefined;
  /** Whether the worker holds a result for the open source. */
  #hasResult = false;
  /** Until these are done, answers would be of another result than the one that the views show. */
  #quantizing = 0;

  /** The source that the worker holds. */
  get opened(): Source | undefined {
    return this.#opened;
  }

  /** Opens weights in place of the open ones. */
  async open(source: Source): Promise<Questions["open"]["answer"]> {
    this.#forget();
    const opened = await this.#send("open", source);
    this.#opened = source;
    return opened;
  }

  async quantize(settings: Settings): Promise<Summary> {
    this.#quantizing++;
    try {
      const summary = await this.#send("quantize", settings);
      this.#hasResult = true;
      return summary;
    } finally {
      this.#quantizing--;
    }
  }

  /** Asks about the result. A map of the weights is available before there is one. */
  ask<T extends Exclude<Question, "open" | "quantize">>(
    question: T,
    given: Questions[T]["given"],
  ): Promise<Questions[T]["answer"]> {
    // The view that asks is drawn again as soon as there is a result.
    const canAnswer = (this.#hasResult && this.#quantizing === 0) || (question === "map" && this.#opened !== undefined);
    return canAnswer ? this.#send(question, given) : Promise.reject(new Interrupted());
  }

  /** Gives up all questions. The worker is ended only if it would not stop soon by itself. */
  interrupt() {
    if ([...this.#pending.values()].some(({ question }) => ENDLESS.includes(question))) {
      this.#end();
    } else if (this.#pending.size > 0) {
      this.#worker?.postMessage({ firstWanted: this.#nextId } satisfies Request);
    }
    this.#giveUp();
  }

  #send<T extends Question>(question: T, given: Questions[T]["given"]): Promise<Questions[T]["answer"]> {
    this.#worker ??= this.#spawn();
    const worker = this.#worker;
    const id = this.#nextId++;
    return new Promise<Questions[T]["answer"]>((resolve, reject) => {
      worker.postMessage({ id, question, given } as Request);
      this.#pending.set(id, { question, resolve, reject });
    });
  }

  #spawn(): Worker {
    const worker = new Worker(new URL("./worker/worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => this.#receive(data));
    const breakDown = (reason: string) => {
      if (worker !== this.#worker) return;
      this.#end();
      this.#giveUp();
      this.onBreakdown(new Error(`The worker of this page broke down: ${reason}.`));
    };
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      breakDown(event.message || "its script did not load; reload the page");
    });
    worker.addEventListener("messageerror", () => breakDown("its answer is too large for this browser tab"));
    return worker;
  }

  /** Ends the worker. The next question starts a new one. */
  #end() {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#forget();
  }

  #forget() {
    this.#opened = undefined;
    this.#hasResult = false;
  }

  #receive(reply: Reply) {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    if ("progress" in reply) {
      this.onProgress(reply.progress);
      return;
    }
    this.#pending.delete(reply.id);
    if ("failure" in reply) pending.reject(new QuestionError(reply.failure.message, reply.failure.range));
    else pending.resolve(reply.answer as never);
  }

  #giveUp() {
    for (const { reject } of this.#pending.values()) reject(new Interrupted());
    this.#pending.clear();
  }
}
