declare module "jsdom" {
  /** What the tests use of it. */
  export class JSDOM {
    constructor(html: string, options: { runScripts: "outside-only" });
    readonly window: { eval(code: string): void; close(): void; readonly outcome: Promise<Record<string, unknown>> };
  }
}
