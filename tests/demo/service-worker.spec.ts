import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, dirname, join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { launchChromium, newPage } from "../packaging/browser.js";
import { pageFolder, shows } from "./page.js";

const sample = "samples/index.json";
const contents = readFileSync(join(pageFolder, sample), "utf8");

let browser: Browser;
let context: BrowserContext;
let page: Page;
let host: Awaited<ReturnType<typeof startHost>>;

beforeAll(async () => {
  [browser, host] = await Promise.all([launchChromium(), startHost()]);
});

afterAll(async () => {
  await browser?.close();
  host?.close();
});

beforeEach(async () => {
  page = await newPage(browser);
  context = page.context();
  await page.goto(`${host.url}${basename(pageFolder)}/`);
  await shows(() => page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true);
});

afterEach(() => context.close());

/** A host that serves parts of files on request, with another page beside ours. */
async function startHost() {
  const types: Record<string, string> = { html: "text/html", js: "text/javascript", wasm: "application/wasm" };
  const server = createServer(({ url = "/", headers }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    if (pathname === "/beside.txt") return response.end("another page's");
    const name = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    const type = types[name.split(".").at(-1) as string] ?? "application/octet-stream";
    const bytes = readFileSync(join(dirname(pageFolder), name));
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
    if (first === undefined) return response.writeHead(200, { "Content-Type": type }).end(bytes);
    const part = bytes.subarray(Number(first), Number(last) + 1);
    const range = `bytes ${first}-${last}/${bytes.length}`;
    return response.writeHead(206, { "Content-Type": type, "Content-Range": range }).end(part);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}/`, close };
}

/** Fetches an address in the page, through its service worker. */
const get = (address: string, headers: Record<string, string> = {}) =>
  page.evaluate(
    async ([address, headers]) => {
      const response = await fetch(address, { headers, cache: "no-store" });
      return [response.status, await response.text()] as const;
    },
    [address, headers] as const,
  );

/** The addresses of the files that are kept, relative to the page's folder. */
const kept = () =>
  page.evaluate(async () => {
    const [name] = await caches.keys();
    const requests = await (await caches.open(name)).keys();
    return requests.map(({ url }) => url.replace(new URL("./", location.href).href, "")).sort();
  });

it("delivers what arrived, where there is no room to keep it", async () => {
  const before = await kept();
  const session = await context.newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(host.url).origin, quotaSize: 1 });
  // Small files may not be refused at once, so this one is large.
  const address = await page.evaluate(async (sample) => {
    const [{ files }] = await (await fetch(sample)).json();
    return `samples/${files[0]}`;
  }, sample);
  const [status, text] = await get(address);
  expect([status, text]).toEqual([200, readFileSync(join(pageFolder, address), "utf8")]);
  expect((await kept()).filter((name) => !before.includes(name) && name !== sample)).toEqual([]);
});

it("delivers a part of a file, which no cache takes", async () => {
  expect(await get(sample, { Range: "bytes=2-11" })).toEqual([206, contents.slice(2, 12)]);
  expect(await get(sample)).toEqual([200, contents]);
  await shows(kept).toContain(sample);
});

it("keeps nothing twice for the sake of a query, and nothing of other pages", async () => {
  await get(sample);
  await shows(kept).toContain(sample);
  const before = await kept();
  const [asset] = before.filter((name) => name.endsWith(".js"));
  for (const query of ["?", "?a=1", "?a=2"]) {
    expect(await get(`${sample}${query}`)).toEqual([200, contents]);
    expect((await get(`${asset}${query}`))[0]).toBe(200);
  }
  expect(await get("/beside.txt")).toEqual([200, "another page's"]);
  // Later files are kept, and these are not.
  const [last] = JSON.parse(contents).flatMap(({ files }: { files: string[] }) => files);
  await get(`samples/${last}`);
  await shows(kept).toContain(`samples/${last}`);
  expect(await kept()).toEqual([...before, `samples/${last}`].sort());
});

it("finds what it keeps, whatever the query, without a network", async () => {
  await get(sample);
  await shows(kept).toContain(sample);
  await context.setOffline(true);
  expect(await get(`${sample}?later`)).toEqual([200, contents]);
  await page.goto(`${host.url}${basename(pageFolder)}/?from=mail`);
  await shows(() => page.locator("#verdict").innerText()).toMatch(/^8 bits per channel: 384 bytes/);
});
