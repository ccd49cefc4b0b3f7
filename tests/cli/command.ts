import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StreamFacts } from "../../web/cli/terminal.js";

/** The built command, as the package's `bin` names it. */
export const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What runs a command, in its thread or in a test. It is loaded when a test needs it, once for all of a file. */
const loadRun = (): Promise<typeof import("../../web/cli/run.js")> => import("../../dist/cli/run.js" as string);
const outside = process.cwd();

/** A folder in which a test runs commands. */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), "channelwise-cli-"));

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** The names of the files in it. */
  list(folder = ""): string[] {
    return readdirSync(this.path(folder)).sort();
  }

  /**
   * Runs a command here, without the second that a process takes to begin. process.node.spec.ts compares the two.
   */
  run(...args: string[]): Promise<Ended> {
    return this.runOn({ isTerminal: false, columns: 80, hasColors: false }, args);
  }

  /** Runs a command here, as on such a terminal. */
  async runOn(stream: StreamFacts, args: readonly string[]): Promise<Ended> {
    const { run } = await loadRun();
    const texts = { stdout: "", stderr: "" };
    const streamOf = (name: keyof typeof texts) => ({
      ...stream,
      write: (text: string) => {
        texts[name] += text;
      },
    });
    const context = { stdout: streamOf("stdout"), stderr: streamOf("stderr"), begin: () => {}, written: () => {} };
    process.chdir(this.folder);
    try {
      const code = await run(args, { ...context, signal: new AbortController().signal });
      return { code, ...texts };
    } finally {
      process.chdir(outside);
    }
  }

  /** Runs `channelwise` as a process, with its output in pipes. */
  runProcess(...args: string[]): Promise<Ended> {
    return this.runProgram(process.execPath, [main, ...args]);
  }

  /** Runs it, expects success, and returns the object that --json prints. */
  // biome-ignore lint/suspicious/noExplicitAny: tests say what they expect of it
  async json(...args: string[]): Promise<any> {
    const { code, stdout, stderr } = await this.run(...args, "--json");
    if (code !== 0) throw new Error(`channelwise ${args.join(" ")}: exit code ${code}: ${stderr}`);
    return JSON.parse(stdout);
  }

  /** @param started called with the process, to send it signals or input */
  runProgram(
    program: string,
    args: readonly string[],
    {
      env = {},
      cwd = this.folder,
      started,
    }: { env?: NodeJS.ProcessEnv; cwd?: string; started?: (child: ChildProcess) => void } = {},
  ): Promise<Ended> {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env } });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (chunk) => stdout.push(chunk));
    child.stderr.on("data", (chunk) => stderr.push(chunk));
    started?.(child);
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) =>
        resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
      );
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
