import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { contentSecurityPolicy, launchChromium, newPage, serve } from "../packaging/browser.js";
import { pageFolder, seeAll, shows, text } from "./page.js";

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser?.close());

/** Serves the page from a folder of a host that has no special support. */
async function host() {
  const server = await serve(dirname(pageFolder), `${contentSecurityPolicy}; img-src 'self' data: blob:`);
  return { ...server, url: `${server.url}${basename(pageFolder)}/index.html` };
}

it("weighs less than 60 KB at its first visit", async () => {
  const server = await host();
  const page = await newPage(browser);
  const files = new Set<string>();
  page.on("request", (request) => files.add(new URL(request.url()).pathname.slice(1)));
  await page.goto(server.url);
  await page.locator("#results[aria-busy=false]").waitFor();
  const contents = [...files]
    .filter((file) => file !== "")
    .map((file) => readFileSync(join(dirname(pageFolder), file)));
  const total = contents.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0);
  console.log(`page: ${total} bytes after gzip, in ${files.size} files`);
  expect([...files].some((file) => file.endsWith(".js"))).toBe(true);
  expect(total).toBeLessThan(60_000);
  await page.close();
  await server.close();
});

it("has a policy of its own: no other base, no forms, no objects, no text that becomes markup or a script", async () => {
  const server = await serve(pageFolder, "img-src *");
  const page = await newPage(browser);
  await page.goto(server.url);
  await page.locator("#results[aria-busy=false]").waitFor();
  const outcomes = await page.evaluate(() => {
    const breaches = new Set<string>();
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => breaches.add(effectiveDirective));
    Object.assign(window, { breaches });
    const thrown = (act: () => void) => {
      try {
        act();
      } catch (error) {
        return (error as Error).name;
      }
      return "nothing";
    };
    const base = document.createElement("base");
    base.href = "https://elsewhere.example/";
    document.head.append(base);
    const form = document.createElement("form");
    form.action = "/elsewhere";
    const object = document.createElement("object");
    object.data = "/elsewhere";
    document.body.append(form, object);
    form.submit();
    return {
      base: document.baseURI === location.href,
      markup: thrown(() => {
        form.innerHTML = "<img>";
      }),
      worker: thrown(() => new Worker("https://elsewhere.example/worker.js")),
      policy: thrown(() =>
        (
          window as unknown as { trustedTypes: { createPolicy(name: string, policy: object): void } }
        ).trustedTypes.createPolicy("mine", {}),
      ),
    };
  });
  expect(outcomes).toEqual({ base: true, markup: "TypeError", worker: "TypeError", policy: "TypeError" });
  const breaches = () => page.evaluate(() => [...(window as unknown as { breaches: Set<string> }).breaches].sort());
  await shows(breaches).toEqual([
    "base-uri",
    "form-action",
    "object-src",
    "require-trusted-types-for",
    "trusted-types",
  ]);
  await page.close();
  await server.close();
});

it("works from any folder, and without a network after the first visit", async () => {
  const server = await host();
  const page = await newPage(browser);
  const context = page.context();
  const elsewhere: string[] = [];
  context.on("request", (request) => {
    if (!request.url().startsWith(server.url.replace("index.html", ""))) elsewhere.push(request.url());
  });
  await page.goto(server.url);
  await page.evaluate(() => navigator.serviceWorker.ready);
  // A part that the first visit did not need, and that the next one finds in the cache.
  const cached = () =>
    page.evaluate(async () => {
      const [name] = await caches.keys();
      return (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname.split("/").at(-1));
    });
  await shows(async () => (await cached()).some((file) => file?.startsWith("model-view"))).toBe(true);
  await server.close();

  // The folder's own address, which this browser has never requested.
  await page.goto(server.url.replace("index.html", ""));
  const verdict = page.locator("#verdict");
  await shows(() => text(verdict)).toMatch(/^8 bits per channel: 384 bytes become 96 bytes/);
  await page.getByLabel("Or paste a matrix").fill("7 1\n1 -7");
  await shows(() => text(verdict)).toMatch(/^8 bits per channel: 32 bytes become 20 bytes/);
  await seeAll(page);
  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download integers as .csv" }).click(),
  ]);
  expect(readFileSync(await saved.path(), "utf8")).toBe("127,18\n18,-127\n");
  expect(elsewhere.filter((url) => !url.startsWith("blob:"))).toEqual([]);
  await context.close();
});
