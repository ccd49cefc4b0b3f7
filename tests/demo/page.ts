import { fileURLToPath, pathToFileURL } from "node:url";
import axe from "axe-core";
import type { Browser, BrowserContext, Locator, Page } from "playwright";
import { build, preview } from "vite";
import { afterAll, afterEach, beforeEach, expect } from "vitest";
import { buildOneFile } from "../../scripts/one-file.mjs";
import { writeSamples } from "../../scripts/samples.mjs";
import { longestWait } from "../longest-wait.js";
import { launchChromium, newContext } from "../packaging/browser.js";

const configFile = fileURLToPath(new URL("../../vite.config.ts", import.meta.url));

/** Where the page of the tests is. */
export const pageFolder = fileURLToPath(new URL("../../build/tests/page/", import.meta.url));

/** Builds the page with its samples. Vitest calls this before the tests, in each of its projects that needs the page. */
export function setup(): Promise<void> {
  const built = globalThis as { pageOfTests?: Promise<void> };
  built.pageOfTests ??= buildPage();
  return built.pageOfTests;
}

/** The page in one file, which is opened from the disk, where npm pack puts it. */
export const oneFile = fileURLToPath(new URL("../../dist/channelwise.html", import.meta.url));

/** Whether the tests are to open that, as npm run test:one-file has them do. */
export const isOneFile = process.env.CHANNELWISE_PAGE === "one-file";

async function buildPage() {
  if (isOneFile) {
    await buildOneFile(oneFile);
    return;
  }
  await writeSamples();
  await build({ configFile, logLevel: "warn", build: { outDir: pageFolder } });
}

/** Serves the page with the policy it is meant to run under. */
async function servePage() {
  if (isOneFile) return { url: pathToFileURL(oneFile).href };
  const server = await preview({ configFile, preview: { port: 0 }, build: { outDir: pageFolder } });
  return { url: server.resolvedUrls?.local[0] as string };
}

/** What the files of tests share: the first page of a browser costs six seconds of a processor, each later one two. */
interface Shared {
  readonly browser: Browser;
  readonly url: string;
  readonly context: BrowserContext;
}

let shared: Promise<Shared> | undefined;

/** Ends with the process of the tests, in which the files follow one another. */
async function startShared(): Promise<Shared> {
  const [browser, { url }] = await Promise.all([launchChromium(), servePage()]);
  const context = await newContext(browser, { permissions: isOneFile ? [] : ["clipboard-read", "clipboard-write"] });
  // The service worker has a spec of its own. It fetches all files of the page, and stands between it and each of them.
  await context.addInitScript(() => {
    if (!("serviceWorker" in navigator)) return;
    navigator.serviceWorker.register = () => Promise.reject(new Error("refused by the tests"));
  });
  // Keeps the window open, in which the pages are tabs: to open a window costs Chromium more than to open the page.
  await context.newPage();
  return { browser, url, context };
}

/**
 * Serves the page to the tests of a file, opens it for each, and fails those in which it complained.
 *
 * @param kept the page stays open, and is brought back to the example before each test, as long as tests pass and do not
 *   leave it: to open it costs two seconds of a processor
 * @param isSeen whether the parts far below, which are about the example, are loaded: a quarter of that
 */
export function openForEach(
  { viewport = { width: 1280, height: 720 } }: { viewport?: { width: number; height: number } },
  opened: (given: { page: Page; browser: Browser; url: string }) => void | Promise<void>,
  { kept = false, isSeen = true } = {},
) {
  let page: Page | undefined;
  let complaints: string[];
  let isLeft: boolean;

  async function openAnew({ context, url }: Shared) {
    const tab = await context.newPage();
    await tab.setViewportSize(viewport);
    // The tests share what the browser keeps. The test before may keep its settings until its page is closed.
    await tab.addInitScript(() => {
      if (location.href === "about:blank") return;
      if (sessionStorage.getItem("test has begun") === null) localStorage.clear();
      sessionStorage.setItem("test has begun", "");
    });
    ({ page, complaints } = await openPage(tab, url, isSeen));
    isLeft = false;
    tab.on("domcontentloaded", () => {
      isLeft = true;
    });
    return page;
  }

  beforeEach(async () => {
    shared ??= startShared();
    const { browser, url } = await shared;
    if (page) await bringBack(page, viewport);
    const shown = page ?? (await openAnew(await shared));
    await opened({ page: shown, browser, url });
  });

  afterEach(async ({ task }) => {
    const hasFailed = (task.result?.errors ?? []).length > 0 || complaints.length > 0;
    if (!kept || isLeft || hasFailed) {
      await page?.close();
      page = undefined;
    }
    expect(complaints).toEqual([]);
  });

  afterAll(() => page?.close());
}

/** Brings an open page back to the example, with the settings and in the window that it is opened with. */
async function bringBack(page: Page, window: { width: number; height: number }) {
  await page.evaluate(async () => {
    // A link has settings alone, which wait for what is opened next. The size of groups is proposed where it fits none.
    const follow = async (fragment: string) => {
      const followed = new Promise((resolve) => addEventListener("hashchange", resolve, { once: true }));
      location.hash = fragment;
      await followed;
    };
    (document.getElementById("group") as HTMLInputElement).value = "";
    await follow("#bits=8&rule=max&scales=channel&axis=0&along=1&arithmetic=float64");
    await new Promise<void>((resolve) => {
      const nothing = document.getElementById("nothing") as HTMLElement;
      const look = () => (nothing.hidden ? setTimeout(look, 5) : resolve());
      look();
    });
    // A model leaves its settings to the next one.
    const ofModel = ":is(#model-controls, #outcome, #save, #model)";
    for (const input of document.querySelectorAll<HTMLInputElement>(`${ofModel} input`)) {
      if (/^(checkbox|radio)$/.test(input.type)) input.checked = input.defaultChecked;
      else input.value = input.defaultValue;
    }
    for (const select of document.querySelectorAll<HTMLSelectElement>(`${ofModel} select`)) select.selectedIndex = 0;
    document.getElementById("tensor-name")?.dispatchEvent(new Event("input")); // back to the first of them
    document.getElementById("forget")?.remove();
    // Tests wait for the name of what they have opened.
    for (const heading of ["model-heading", "quantized-heading", "gguf-heading"]) {
      document.getElementById(heading)?.replaceChildren();
    }
    await follow("");
    for (const details of document.querySelectorAll("details[open]")) details.removeAttribute("open");
    localStorage.clear();
  });
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(window);
  await page.locator("#results:not([hidden]):not([inert])[aria-busy=false]").waitFor();
  await page.evaluate(() => {
    document.querySelector<HTMLElement>("#tables [role=tab]")?.click();
    scrollTo(0, 0);
  });
}

/**
 * Opens the page, which then shows the example, with all that is loaded where it is seen. `complaints` are errors, also
 * of the console, error events of the page, and breaches of the policy.
 */
export async function openPage(page: Page, url: string, isSeen = true) {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.stack ?? String(error)));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      console.error(`policy: ${violatedDirective} ${blockedURI}`),
    );
    // Such as of a ResizeObserver, which the console does not show.
    addEventListener("error", ({ message }) => console.error(`error event: ${message}`));
  });
  await page.goto(url);
  if (isSeen) await seeAll(page);
  else await page.locator("#results[aria-busy=false]").waitFor();
  return { page, complaints };
}

/** Scrolls to the end of the page and back: what lies far down is loaded when it comes near what is seen. */
export async function seeAll(page: Page) {
  await page.locator("#results[aria-busy=false]").waitFor();
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await page.locator("#take-away button").first().waitFor();
  await page.locator("#trade-off figure").first().waitFor();
  await page.locator("#why svg").first().waitFor();
  await page.locator("#distribution svg").nth(1).waitFor();
  await page.evaluate(() => scrollTo(0, 0));
}

/** Opens the tables, and shows the channels as they lie. */
export async function openTables(page: Page) {
  await page.locator("#tables summary").click();
  await page.getByLabel("Channels", { exact: true }).selectOption("index");
  await page.locator("#panel tbody tr").first().waitFor();
}

/**
 * Sees that axe finds nothing wrong with a part of the page as it is, in light colours and in dark ones, in which only
 * the rules about colours can find something else. All of the page takes some seconds: where a part is new, name it.
 */
export async function axeFindsNothing(page: Page, part = "html") {
  if (await page.evaluate(() => !("axe" in window))) await page.evaluate(axe.source);
  const runs: ["dark" | "light", axe.RunOptions][] = [
    ["dark", { resultTypes: ["violations"], runOnly: ["color-contrast", "link-in-text-block"] }],
    ["light", { resultTypes: ["violations"] }],
  ];
  for (const [colorScheme, options] of runs) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await page.evaluate(
      ([part, options]) => (window as unknown as { axe: typeof axe }).axe.run(part, options),
      [part, options] as const,
    );
    const found = violations.map(({ id, impact, nodes }) => [id, impact, nodes.length, nodes[0].html]);
    expect(found, `in ${colorScheme} colours`).toEqual([]);
  }
}

/** Waits for a value that the page comes to show, since everything is computed in its worker. */
export function shows<T>(read: () => Promise<T>, what?: string) {
  return expect.poll(read, { timeout: longestWait, ...(what === undefined ? {} : { message: what }) });
}

export const text = (locator: Locator) => locator.innerText();

/** The cells of a table, row by row, headers included. */
export function cells(table: Locator): Promise<string[][]> {
  return table
    .locator("tr")
    .evaluateAll((rows) =>
      rows.map((row) => Array.from((row as HTMLTableRowElement).cells, (cell) => cell.textContent ?? "")),
    );
}

/** Chooses a tab and gives its table once it stands there. */
export async function tableOf(page: Page, tab: "Scales" | "Integers" | "Dequantized" | "Errors" | "Weights") {
  await page.getByRole("tab", { name: tab }).click();
  const caption = tab === "Scales" ? "Scale and errors" : tab;
  await page.locator("#panel caption", { hasText: caption }).waitFor();
  return cells(page.locator("#panel table"));
}

/** The numbers of a table of cells, without its headers. */
export async function numbersOf(page: Page, tab: Parameters<typeof tableOf>[1]): Promise<number[][]> {
  const [, ...rows] = await tableOf(page, tab);
  return rows.map(([, ...row]) => row.map(Number));
}

/** The tiles of the result by name. */
export async function totalsOf(page: Page): Promise<Record<string, string>> {
  const tiles = await page
    .locator("#totals > div")
    .evaluateAll((tiles) => tiles.map((tile) => Array.from(tile.children, (child) => child.textContent ?? "")));
  return Object.fromEntries(tiles.map(([name, value]) => [name, value]));
}
