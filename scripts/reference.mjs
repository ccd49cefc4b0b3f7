// npm run docs: writes the reference of the public types, made from their comments, to build/reference. With --check,
// which npm test gives, checks that everything the entries export has a comment, down to each property.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { setupForBuild } from "./setup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Types that compute other types, and the input of this library's errors: documented where they are used. */
const machinery = [
  ...[
    "CompiledModule",
    "Codes",
    "DequantizedField",
    "ErrorFields",
    "Filled",
    "HalfArray",
    "Option",
    "Scales",
    "ZeroPointsField",
  ],
  ...["FormatProblem", "bitsOfDtype", "dialects", "valueTypes", "HalfType"],
];

/** The sources of the entries that have types. */
function entryPoints() {
  /** @type {{ exports: Record<string, string | { types: string }> }} */
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.values(exports).flatMap((target) =>
    typeof target === "string" ? [] : [target.types.replace("./dist/", "web/lib/").replace(/\.d\.ts$/, ".ts")],
  );
}

/** Reads the entries and their comments, and fails where a comment is missing or a link leads nowhere. */
async function readReference() {
  const { Application } = await import("typedoc");
  const app = await Application.bootstrap({
    name: "channelwise",
    entryPoints: entryPoints().map((file) => join(root, file)),
    tsconfig: join(root, "web/lib/tsconfig.json"),
    out: join(root, "build/reference"),
    readme: "none",
    disableSources: true,
    excludeInternal: true,
    // tsc checks them.
    skipErrorChecking: true,
    intentionallyNotExported: machinery,
    validation: { notExported: true, invalidLink: true, notDocumented: true },
    logLevel: "Warn",
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("the entries could not be read, for the reason above");
  app.validate(project);
  if (app.logger.hasWarnings() || app.logger.hasErrors()) {
    throw new Error("the reference is not complete: write the comments that are missing above");
  }
  return { app, project };
}

/** Fails where something that an entry exports has no comment. */
export async function checkReference() {
  await readReference();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setupForBuild();
  if (process.argv.includes("--check")) {
    await checkReference();
  } else {
    const { app, project } = await readReference();
    await app.generateOutputs(project);
    console.log("The reference: build/reference/index.html");
  }
}
