import { Client } from "./client.js";
import type { ModelQuestions, Progress } from "./protocol.js";

/** The page's side of the worker that holds a model. */
export type ModelClient = Client<ModelQuestions, Progress>;

export function startModelWorker(): ModelClient {
  return new Client(new Worker(new URL("./worker/worker.ts", import.meta.url), { type: "module" }));
}
