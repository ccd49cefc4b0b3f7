import { createReadStream, existsSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright";
import { chromiumPath } from "../../scripts/setup.mjs";
import { longestWait } from "../longest-wait.js";

/** The strictest policy under which WebAssembly runs at all. */
export const contentSecurityPolicy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

/** The same policy, with workers without a file of their own. */
export const contentSecurityPolicyForWorkers = `${contentSecurityPolicy}; worker-src 'self' blob:`;

const contentTypes: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Containers and continuous integration run as root, without a graphics card and without a network. */
export const chromiumArguments = ["--no-sandbox", "--disable-gpu", "--disable-quic"];

export function launchChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  return chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    timeout: longestWait,
    args: chromiumArguments,
  });
}

export async function newContext(browser: Browser, options?: BrowserContextOptions): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(longestWait);
  return context;
}

/** A page in a context of its own, which is closed with it. */
export async function newPage(browser: Browser, options?: BrowserContextOptions): Promise<Page> {
  const page = await browser.newPage(options);
  page.context().setDefaultTimeout(longestWait);
  return page;
}

/** Answers requests with the files of a folder. */
export function fileServer(folder: string): RequestListener {
  return ({ url }, response) => {
    const { pathname } = new URL(url ?? "/", "http://localhost");
    const file = join(folder, pathname === "/" ? "index.html" : pathname);
    if (!existsSync(file)) return response.writeHead(404).end();
    response.setHeader("Content-Type", contentTypes[extname(file)] ?? "application/octet-stream");
    createReadStream(file).pipe(response);
  };
}

/** Serves a folder on a free port; resolves to the address and a function that ends it. */
export async function serve(folder: string, policy: string) {
  const serveFile = fileServer(folder);
  const server = createServer((request, response) => {
    response.setHeader("Content-Security-Policy", policy);
    serveFile(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}/`, close };
}

/** Opens a page and returns the text of its <output>; rejects with the first unexpected error of the page. */
export async function outcomeOf(browser: Browser, url: string, expected?: RegExp): Promise<unknown> {
  const page = await newPage(browser);
  const failure = new Promise<never>((_, reject) => {
    page.on("pageerror", (error) => reject(error));
    page.on("console", (message) => {
      if (message.type() === "error" && !expected?.test(message.text())) reject(new Error(message.text()));
    });
  });
  await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
  try {
    await Promise.race([page.goto(url), failure]);
    const text = await Promise.race([page.locator("output:not(:empty)").textContent(), failure]);
    return JSON.parse(text ?? "");
  } finally {
    await page.close();
  }
}
