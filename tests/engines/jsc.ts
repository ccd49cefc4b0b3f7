import { load } from "channelwise/slim";
import { results } from "./results.js";

/** The functions of WebKit's shell beyond the language. */
declare function print(text: string): void;
declare function readFile(path: string, encoding: "binary"): Uint8Array<ArrayBuffer>;

const channelwise = await load({ wasm: readFile("dist/channelwise.wasm", "binary") });
for (const line of results(channelwise)) print(line);
