import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { Context, Outcome } from "./context.js";
import type { Values } from "./options.js";
import { parsePort } from "./settings.js";

const DEFAULT_PORT = 4173;

/** The whole page, which `npm pack` puts into the package. */
const file = fileURLToPath(new URL("../channelwise.html", import.meta.url));

/** `channelwise page` */
export async function page(
  _operands: readonly string[],
  { port }: Values,
  { stdout, signal }: Context,
): Promise<Outcome> {
  const asked = port === undefined ? DEFAULT_PORT : parsePort(port);
  if (!existsSync(file)) throw new Error(`${file} is missing: this build has no page; npm pack makes it`);
  const server = createServer((request, response) => {
    if (new URL(request.url ?? "/", "http://localhost").pathname !== "/") {
      response.writeHead(404).end();
      return;
    }
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // Only this machine can reach it.
    server.listen(asked, "127.0.0.1", resolve);
  });
  const { port: served } = server.address() as AddressInfo;
  stdout.write(`The page: http://127.0.0.1:${served}/  (Ctrl-C ends it)\n`);
  await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  return { exitCode: 0, json: {} };
}
