declare module "jsdom" {
  /** The parts that the tests use. */
  export class JSDOM {
    constructor(html: string, options: { runScripts: "outside-only" });
    readonly window: { eval(code: string): void; close(): void; readonly outcome: Promise<Record<string, unknown>> };
  }
}
