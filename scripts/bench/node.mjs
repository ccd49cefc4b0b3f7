// npm run bench: the benchmark in Node. Options: --quick, --only PATTERN, --json, --markdown.

import { options, report } from "./command-line.mjs";
import { build, machine } from "./library.mjs";

build();
// The library exists only now.
const { onnxModels } = await import("./onnx-models.mjs");
const { measure } = await import("./suite.mjs");

const models = await onnxModels();
// Progress goes to standard error, so that it does not mix with the table.
console.debug = (message) => process.stderr.write(`${message}\n`);
report(await measure({ ...options, models }), `Node ${process.versions.node}, ${machine()}`);
