import { load, type QuantizeOptions } from "channelwise";
import { afterEach, beforeEach, expect } from "vitest";
import { commands } from "vitest/browser";
import { longestWait } from "../longest-wait.js";

// The page in a frame, used through its elements. No driver is used, since WebKit has no private files under one.

export const channelwise = await load();

let frame: HTMLIFrameElement;
let page: Document;
let complaints: string[];
let isLeft: boolean;

/**
 * Brings the page back to the example before each test of a file, without the settings that it remembers, and fails
 * tests in which it reports an error. It stays open while tests pass and neither follow a link nor open a model, whose
 * settings would stay for the next one: to open it takes seconds.
 */
export function openForEach() {
  beforeEach(async () => {
    if (frame?.isConnected) await bringBack();
    localStorage.clear();
    if (!frame?.isConnected) await openPage();
  });
  afterEach(({ task }) => {
    if (isLeft || complaints.length > 0 || (task.result?.errors ?? []).length > 0) frame.remove();
    expect(complaints).toEqual([]);
  });
}

/** Shows the example again, with the settings that the page begins with. */
async function bringBack() {
  const view = page.defaultView as Window;
  const follow = async (fragment: string) => {
    const followed = new Promise((resolve) => view.addEventListener("hashchange", resolve, { once: true }));
    view.location.hash = fragment;
    await followed;
  };
  // Settings without weights wait for what is opened next. The size of groups is proposed where it fits none.
  await enter("#group", "");
  await follow("#bits=8&rule=max&scales=channel&axis=0&along=1&arithmetic=float64");
  await element("#nothing:not([hidden])");
  await follow("");
  await element("#results:not([hidden], [inert])[aria-busy=false]");
}

/** Opens the page, with a fragment as in a link, in place of the open one. */
export async function openPage(fragment = "") {
  frame?.remove();
  isLeft = fragment !== "";
  frame = document.createElement("iframe");
  Object.assign(frame, { width: 1280, height: 900, src: `/page/${fragment}` });
  document.body.append(frame);
  await new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
  page = frame.contentDocument as Document;
  complaints = [];
  page.defaultView?.addEventListener("error", ({ message }) => complaints.push(message));
  page.defaultView?.addEventListener("unhandledrejection", ({ reason }) => complaints.push(String(reason)));
  page.addEventListener("securitypolicyviolation", ({ violatedDirective }) => complaints.push(violatedDirective));
  await click("#tables summary");
  // Parts of the page far below are loaded when they come near the visible part.
  await shows(() => page.querySelector("#results")?.getAttribute("aria-busy")).toBe("false");
  page.defaultView?.scrollTo(0, page.body.scrollHeight);
  await element("#take-away button");
  page.defaultView?.scrollTo(0, 0);
}

/** Waits until the page shows something, since everything is computed in its workers. */
export function shows<T>(read: () => T) {
  return expect.poll(read, { timeout: longestWait });
}

export const textOf = (selector: string) => page.querySelector<HTMLElement>(selector)?.innerText;
export const fieldValue = (selector: string) => page.querySelector<HTMLSelectElement>(selector)?.value;

/** An element, once it exists. */
export async function element<T extends Element = HTMLElement>(selector: string): Promise<T> {
  await shows(() => page.querySelector(selector)).not.toBeNull();
  return page.querySelector(selector) as T;
}

export async function click(selector: string) {
  (await element<Element>(selector)).dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
}

/** Types or chooses a value. */
export async function enter(selector: string, value: string) {
  const field = await element<HTMLInputElement>(selector);
  field.value = value;
  for (const type of ["input", "change"]) field.dispatchEvent(new Event(type, { bubbles: true }));
}

export const paste = (rows: number[][]) => enter("#text", rows.map((row) => row.join(",")).join("\n"));

export async function openFile(name: string, contents: Uint8Array<ArrayBuffer>) {
  const { DataTransfer, File } = page.defaultView as Window & typeof globalThis;
  const transfer = new DataTransfer();
  transfer.items.add(new File([contents], name));
  isLeft ||= !name.endsWith(".npy");
  const input = await element<HTMLInputElement>("#file");
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

/** The numbers of a table, without the names of its rows and columns. */
function numbersOf(tab: "Integers" | "Dequantized") {
  const button = page.getElementById(`tab-${tab}`);
  if (button?.ariaSelected === "false") button.click();
  if (!textOf("#panel caption")?.startsWith(tab)) return undefined;
  const [, ...rows] = page.querySelectorAll<HTMLTableRowElement>("#panel tr");
  return rows.map((row) => Array.from(row.cells, (cell) => Number(cell.textContent)).slice(1));
}

/** Expects that the page shows the results of the library in this engine, whose bits are those of Node. */
export async function showsResultOf(rows: number[][] | Float32Array[], options: QuantizeOptions = {}) {
  const { quantized, dequantized } = channelwise.quantize(rows as number[][], { ...options, dequantize: true });
  const columns = rows[0].length;
  const inRows = (values: ArrayLike<number>) =>
    rows.map((_, row) => Array.from(values).slice(row * columns, (row + 1) * columns));
  await shows(() => numbersOf("Integers")).toEqual(inRows(quantized));
  const digits = Array.from(dequantized, (value) => Number(value.toPrecision(6)));
  await shows(() => numbersOf("Dequantized")).toEqual(inRows(digits));
}

/** The file that the browser saved under this name. */
export async function saved(name: string): Promise<Uint8Array<ArrayBuffer>> {
  await shows(() => commands.savedFile(name)).not.toBeNull();
  return Uint8Array.from(atob((await commands.savedFile(name)) as string), (character) => character.charCodeAt(0));
}
