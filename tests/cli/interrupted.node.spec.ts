// Runs that are ended from outside: by a signal, whatever they are doing, or killed.

import { type ChildProcess, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { main, Workplace } from "./command.js";
import { writeLargeModel, writeModel } from "./models.js";

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  writeLargeModel(place.path("large.safetensors"), 16);
  writeModel(place.path("small.safetensors"));
  writeFileSync(place.path("busy.mjs"), busy);
});
afterAll(() => place.remove());
const inputs = ["busy.mjs", "large.safetensors", "small.safetensors"];
afterEach(() => expect(place.list()).toEqual(inputs));

/**
 * Blocks the command's thread once it has begun to write into the folder BUSY_IN: with JavaScript for ever, or inside
 * the system until there is a file "go".
 */
const busy = `
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { threadId } from "node:worker_threads";

const { BUSY_IN: folder, BUSY_WITH: what } = process.env;
const isWriting = () => existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(".partial"));
if (threadId === 1) {
  const watch = setInterval(() => {
    if (!isWriting()) return;
    if (what === "JavaScript") for (;;);
    execFileSync("sh", ["-c", "until [ -e go ] || ! kill -0 $PPID; do sleep 0.1; done"]);
    clearInterval(watch);
  });
}
`;
const heldUp = (what: "JavaScript" | "the system", folder: string) => ({
  NODE_OPTIONS: `--import ${pathToFileURL(place.path("busy.mjs"))}`,
  ...{ BUSY_IN: folder, BUSY_WITH: what },
});

const partials = (folder: string) =>
  existsSync(place.path(folder)) ? place.list(folder).filter((name) => name.endsWith(".partial")) : [];

/** Acts once an output is being written into a folder. */
function whileWriting(folder: string, act: (child: ChildProcess) => void) {
  return async (child: ChildProcess) => {
    while (child.exitCode === null && partials(folder).length === 0) await new Promise((done) => setTimeout(done, 5));
    act(child);
  };
}

describe.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("%s: exit code %i, a sentence, and nothing is left", (signal, code) => {
  const args = ["quantize", "large.safetensors", "-o", "out/a/"];
  const stderr = `out/a/large-int8.safetensors is not written\nchannelwise: interrupted by ${signal}\n`;

  it("while the workers work", async () => {
    const started = whileWriting("out/a", (child) => child.kill(signal));
    expect(await place.runProgram(process.execPath, [main, ...args], { started })).toEqual({
      code,
      stdout: "",
      stderr,
    });
  });

  it("while the command's thread is busy", async () => {
    const env = heldUp("JavaScript", "out/a");
    // On a busy machine the thread may take longer to end than it gets. Then the process ends by the signal itself,
    // for which a shell reports the same code.
    let endedBy: NodeJS.Signals | null = null;
    const started = (child: ChildProcess) => {
      child.once("exit", (_, signal) => {
        endedBy = signal;
      });
      whileWriting("out/a", () => child.kill(signal))(child);
    };
    const ended = await place.runProgram(process.execPath, [main, ...args], { env, started });
    expect(endedBy ?? signal).toBe(signal);
    expect({ ...ended, code: ended.code ?? code }).toEqual({ code, stdout: "", stderr });
  });

  it("while it waits for the system", async () => {
    const env = heldUp("the system", "out/a");
    // A shell reports a process that died of a signal like one that ended with that exit code.
    const command = `'${process.execPath}' '${main}' ${args.join(" ")} & echo $! >&2; wait $!; echo $?`;
    let pid = 0;
    const started = (child: ChildProcess) => {
      child.stderr?.once("data", (chunk) => {
        pid = Number.parseInt(String(chunk), 10);
      });
      return whileWriting("out/a", () => process.kill(pid, signal))(child);
    };
    const ended = await place.runProgram("sh", ["-c", command], { env, started });
    expect(ended.stdout).toBe(`${code}\n`);
    expect(ended.stderr).toContain(stderr);
  });

  it("in JSON", async () => {
    const started = whileWriting("out/a", (child) => child.kill(signal));
    const { stdout } = await place.runProgram(process.execPath, [main, ...args, "--json"], { started });
    const error = { name: "Interruption", message: `interrupted by ${signal}` };
    expect(JSON.parse(stdout)).toEqual({ command: "quantize", error });
  });
});

it("the thread that ends the others needs no code of the library, which a busy machine takes a second to load", () => {
  const loaded = new Set<string>();
  const load = (file: string) => {
    loaded.add(file);
    const code = readFileSync(join(dirname(main), file), "utf8");
    expect(code, file).not.toMatch(/ from "channelwise/);
    for (const [, next] of code.matchAll(/ from "\.\/([^"]+)"/g)) if (!loaded.has(next)) load(next);
  };
  load("main.js");
  expect(loaded).toContain("interruption.js");
});

it("Ctrl-C on a terminal does the same", async () => {
  mkdirSync(place.path("out"));
  const command = `'${process.execPath}' '${main}' quantize large.safetensors -o out/`;
  const { code, stdout } = await place.runProgram("script", ["-qefc", command, "/dev/null"], {
    started: whileWriting("out", (child) => child.stdin?.write("\x03")),
  });
  expect(code).toBe(130);
  expect(stripVTControlCharacters(stdout).split(/[\r\n]+/)).toContain("channelwise: interrupted by SIGINT");
  expect(place.list("out")).toEqual([]);
  execFileSync("rmdir", [place.path("out")]);
});

describe("a run that is killed", () => {
  afterEach(() => execFileSync("rm", ["-r", place.path("out")]));
  const output = ["-o", "out/a.safetensors"];

  async function killedRun(): Promise<void> {
    const started = whileWriting("out", (child) => child.kill("SIGKILL"));
    const args = [main, "quantize", "small.safetensors", ...output];
    await place.runProgram(process.execPath, args, { env: heldUp("JavaScript", "out"), started });
    expect(partials("out")).toHaveLength(1);
  }

  it("leaves a file that the next run to the same output removes", async () => {
    await killedRun();
    await place.json("quantize", "small.safetensors", "-o", "out/b.safetensors");
    expect(partials("out")).toHaveLength(1);
    await place.json("quantize", "small.safetensors", ...output);
    expect(place.list("out")).toEqual(["a.safetensors", "b.safetensors"]);
  });

  it("and so where its number is that of another process by now", async () => {
    await killedRun();
    const [left] = partials("out");
    const reused = left.replace(/-\d+-/, `-${process.pid}-`);
    execFileSync("mv", [place.path("out", left), place.path("out", reused)]);
    await place.json("quantize", "small.safetensors", ...output);
    expect(place.list("out")).toEqual(["a.safetensors"]);
  });

  it("is told from one that still writes, and from one on another machine", async () => {
    mkdirSync(place.path("out"));
    const elsewhere = `a.safetensors.zzzzzzz-${2 ** 30}-abcdef.partial`;
    const started = whileWriting("out", async () => {
      writeFileSync(place.path("out", elsewhere), "");
      await place.json("quantize", "small.safetensors", ...output);
      expect(place.list("out")).toHaveLength(3);
      writeFileSync(place.path("out", "go"), "");
    });
    const env = heldUp("the system", ".");
    const args = [main, "quantize", "../small.safetensors", "-o", "a.safetensors"];
    expect(await place.runProgram(process.execPath, args, { env, started, cwd: place.path("out") })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("a.safetensors exists"),
    });
    expect(place.list("out")).toEqual(["a.safetensors", elsewhere, "go"]);
  });
});
