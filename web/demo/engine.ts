import type { Question, Questions, Reply, Request, Settings, Source, Summary } from "./protocol.js";

/** A question that was given up: newer input made it pointless, the person cancelled it, or what it was about is gone. */
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

/** The worker could not answer a question; the range is the part of the pasted text to point at. */
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

/** Questions that may take long and cannot be given up halfway. The others end soon, or at their next stage. */
const ENDLESS: readonly Question[] = ["open", "save"];

/**
 * The page's side of the worker: one question, one answer, and a new worker where the old one must be stopped. Which
 * questions are outdated is known here alone: whatever the worker says is an answer or an error.
 */
export class Engine {
  /** Is called with what the worker is doing. */
  onProgress: (stage: string) => void = () => {};
  /** Is called if the worker breaks down; everything that it was asked is given up. */
  onBreakdown: (error: Error) => void = () => {};
  #worker: Worker | undefined = this.#spawn();
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #opened: Source | undefined;
  /** The worker holds a result of what is opened. */
  #hasResult = false;

  /** The source that the worker holds. */
  get opened(): Source | undefined {
    return this.#opened;
  }

  /** Opens weights in place of those that were open. */
  async open(source: Source): Promise<Questions["open"]["answer"]> {
    this.#forget();
    const opened = await this.#send("open", source);
    this.#opened = source;
    return opened;
  }

  async quantize(settings: Settings): Promise<Summary> {
    const summary = await this.#send("quantize", settings);
    this.#hasResult = true;
    return summary;
  }

  /** Asks about the result; a map of the weights can be had before there is one. */
  ask<T extends Exclude<Question, "open" | "quantize">>(
    question: T,
    given: Questions[T]["given"],
  ): Promise<Questions[T]["answer"]> {
    // What asks is shown anew as soon as there is a result.
    const canAnswer = this.#hasResult || (question === "map" && this.#opened !== undefined);
    return canAnswer ? this.#send(question, given) : Promise.reject(new Interrupted());
  }

  /** Gives up whatever is under way; the worker is ended only where it would not stop soon by itself. */
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

  /** The next question starts a new worker. */
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
