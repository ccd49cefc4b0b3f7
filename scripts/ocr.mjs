// npm run ocr: sets up and builds what is missing, then shows what every way to quantize does to three OCR models.

import { setupForTests } from "./setup.mjs";

setupForTests();
// These need the npm packages and the library, which are there only by then.
const { build } = await import("./build.mjs");
await build();
await import("./ocr/table.mjs");
