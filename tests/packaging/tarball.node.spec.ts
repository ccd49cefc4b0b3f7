import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { publint } from "publint";
import * as tar from "tar";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProject, type Project } from "./project.js";

let project: Project;
let installed: string;
let manifest: Record<string, unknown>;

beforeAll(() => {
  project = createProject();
  installed = dirname(project.resolve("channelwise/package.json"));
  manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
});

afterAll(() => project?.remove());

test("the tarball holds the library, the page, its licence and its README, and nothing else", () => {
  const files: string[] = [];
  tar.list({ file: project.tarball, sync: true, onReadEntry: (entry) => files.push(entry.path) });
  const library = /^package\/dist\/([a-z0-9-]+\/){0,3}[a-z0-9-]+(\.js|\.d\.ts|\.wasm)$/;
  expect(files.filter((file) => !library.test(file)).sort()).toEqual([
    "package/LICENSE",
    "package/README.md",
    "package/dist/channelwise.html",
    "package/package.json",
  ]);
});

test("package.json promises what it should, and asks for nothing", () => {
  expect(manifest).toMatchObject({
    type: "module",
    license: "MIT",
    sideEffects: false,
    engines: { node: ">=20.16" },
  });
  const asked = ["dependencies", "peerDependencies", "optionalDependencies", "bundleDependencies", "os", "cpu"];
  expect(asked.filter((field) => field in manifest)).toEqual([]);
  const atInstall = ["preinstall", "install", "postinstall", "prepare"];
  expect(Object.keys(manifest.scripts as object).filter((script) => atInstall.includes(script))).toEqual([]);
});

test("every entry is there, those of JavaScript with types", () => {
  const entries = manifest.exports as Record<string, string | { types: string; default: string }>;
  expect(Object.keys(entries)).toEqual([
    ".",
    "./slim",
    "./parallel",
    "./worker",
    "./npy",
    "./text",
    "./models",
    "./embeddings",
    "./recall",
    "./balance",
    "./profiles",
    "./channelwise.wasm",
    "./embeddings.wasm",
    "./package.json",
  ]);
  for (const [name, target] of Object.entries(entries)) {
    const files = typeof target === "string" ? [target] : [target.types, target.default];
    expect(files.filter((file) => !existsSync(join(installed, file)))).toEqual([]);
    expect(project.resolve(join("channelwise", name))).toBe(join(installed, files.at(-1) ?? ""));
  }
});

test("publint finds nothing", async () => {
  const { messages } = await publint({ pkgDir: installed, pack: false, strict: true });
  expect(messages).toEqual([]);
});

/** Runs a tool of this repository on the project; returns its output and exit code. */
function runTool(file: string, args: string[]): { output: string; status: number } {
  const tool = fileURLToPath(new URL(`../../node_modules/${file}`, import.meta.url));
  try {
    return {
      output: execFileSync(process.execPath, [tool, ...args], { cwd: project.folder, encoding: "utf8" }),
      status: 0,
    };
  } catch (error) {
    const { stdout, status } = error as { stdout: string; status: number };
    return { output: stdout, status };
  }
}

test("Are the Types Wrong finds nothing", () => {
  const options = ["--profile", "esm-only", "--exclude-entrypoints", "./channelwise.wasm", "./embeddings.wasm"];
  const { output, status } = runTool("@arethetypeswrong/cli/dist/index.js", [
    project.tarball,
    ...options,
    "--format",
    "ascii",
  ]);
  expect(status, output).toBe(0);
});

test.for([
  { module: "nodenext", moduleResolution: "nodenext", lib: "dom" },
  { module: "esnext", moduleResolution: "bundler", lib: "webworker" },
  // The older one does not read "exports"; "typesVersions" tells it where the types are.
  { module: "esnext", moduleResolution: "node10", lib: "dom", ignoreDeprecations: "6.0" },
])("a strict TypeScript program compiles: $moduleResolution, $lib", ({ lib, ...how }) => {
  const options = {
    strict: "true",
    exactOptionalPropertyTypes: "true",
    noUncheckedIndexedAccess: "true",
    skipLibCheck: "false",
    // TypeScript's own libraries take most of the time, and are right.
    skipDefaultLibCheck: "true",
    noEmit: "true",
    target: "es2022",
    lib: `es2022,${lib}`,
    ...how,
  };
  const args = Object.entries(options).flatMap(([option, value]) => [`--${option}`, value]);
  expect(runTool("typescript/bin/tsc", ["types.ts", ...args])).toEqual({ output: "", status: 0 });
});

test("a strict program for Node alone compiles with every entry", () => {
  const imports = [
    "",
    "/slim",
    "/parallel",
    "/worker",
    "/npy",
    "/text",
    "/models",
    "/embeddings",
    "/recall",
    "/balance",
    "/profiles",
  ].map((entry, i) => `import * as entry${i} from "channelwise${entry}";\nconsole.log(entry${i});\n`);
  writeFileSync(join(project.folder, "node-types.ts"), imports.join(""));
  const typeRoots = fileURLToPath(new URL("../../node_modules/@types", import.meta.url));
  const args = ["--ignoreConfig", "--strict", "--noEmit", "--target", "es2022", "--module", "nodenext"];
  args.push("--skipDefaultLibCheck");
  const own = ["--lib", "es2022", "--types", "node", "--typeRoots", typeRoots];
  expect(runTool("typescript/bin/tsc", ["node-types.ts", ...args, ...own])).toEqual({ output: "", status: 0 });
});

test("nothing in it needs eval, CommonJS or a module of Node", () => {
  const forbidden = /\beval\s*\(|\bFunction\s*\(|\brequire\s*\(|\b(?:from|import)\s*\(?\s*["'](?:node:|[./]+cli\/)/;
  // The command line is left out, since no entry imports it.
  const files = readdirSync(join(installed, "dist"), { encoding: "utf8", recursive: true }).filter(
    (file) => file.endsWith(".js") && !file.startsWith("cli/"),
  );
  const offending = files.filter((file) => forbidden.test(readFileSync(join(installed, "dist", file), "utf8")));
  expect(files).toContain("core/wasm/glue.js");
  expect(offending).toEqual([]);
  expect(readFileSync(join(installed, "dist/core/wasm/glue.js"), "utf8")).not.toContain("node:");
});

async function bundle(source: string): Promise<Uint8Array> {
  const { outputFiles } = await esbuild.build({
    stdin: { contents: source, resolveDir: project.folder },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
  });
  return outputFiles[0].contents;
}

test("the core entry, bundled and minified with the wasm inside, takes at most 23 KB after gzip", async () => {
  const bytes = gzipSync(await bundle(`export * from "channelwise";`), { level: 9 }).length;
  console.log(`channelwise, bundled, minified and gzipped: ${bytes} bytes`);
  expect(bytes).toBeLessThanOrEqual(23_000);
});

test("the entry for embeddings, with its wasm inside, takes at most 14 KB after gzip", async () => {
  const bytes = gzipSync(await bundle(`export * from "channelwise/embeddings";`), { level: 9 }).length;
  console.log(`channelwise/embeddings, bundled, minified and gzipped: ${bytes} bytes`);
  expect(bytes).toBeLessThanOrEqual(14_000);
});

test("what is imported and not used disappears from a bundle", async () => {
  const unused = `import { load } from "channelwise"; import { load as slim } from "channelwise/slim"; import { readNpy } from "channelwise/npy"; import { load as parallel } from "channelwise/parallel"; import { openModel } from "channelwise/models"; import { load as embeddings } from "channelwise/embeddings"; import { recall } from "channelwise/recall";`;
  expect(await bundle(unused)).toHaveLength(0);
});
