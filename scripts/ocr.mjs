// npm run ocr: sets up and builds what is missing, then shows the effect of every way to quantize on three OCR models.

import { setupForTests } from "./setup.mjs";

setupForTests();
// These imports need the npm packages and the library, which exist only now.
const { build } = await import("./build.mjs");
await build();
await import("./ocr/table.mjs");
