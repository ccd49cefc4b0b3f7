import { writeNpy } from "channelwise/npy";
import type { CDPSession, Page } from "playwright";
import { describe, expect, it } from "vitest";
import { fileOf } from "../lib/files/safetensors-file.js";
import { uniform } from "../lib/random.js";
import { openForEach, openTables, shows, text } from "./page.js";

const colourSchemes = ["light", "dark"] as const;

/** What text must have at least (WCAG 2, 1.4.3). */
const LEAST = 4.5;

let page: Page;

openForEach({}, (opened) => {
  ({ page } = opened);
  return openTables(page);
});

interface Contrast {
  readonly text: string;
  readonly ratio: number;
  readonly colours: string;
}

declare global {
  interface Window {
    /** What can be used, in the order of the page: two of each kind that the style tells from others. */
    controls: Element[];
    /** The text of a control against what lies behind it, as it is styled now. */
    contrastsOf(control: Element): Contrast[];
  }
}

/** Runs in the page. */
function install() {
  type Colour = readonly [red: number, green: number, blue: number, alpha: number];

  function colourOf(value: string): Colour {
    const numbers = (value.match(/-?[\d.]+(?:e-?\d+)?/g) ?? []).map(Number);
    const [red, green, blue, alpha = 1] = numbers;
    if (/^rgba?\(/.test(value)) return [red / 255, green / 255, blue / 255, alpha];
    if (value.startsWith("color(srgb ")) return [red, green, blue, alpha];
    throw new Error(`no colour is known as ${value}`);
  }

  /** A share of the upper colour over the lower one. */
  const mixed = (lower: Colour, upper: Colour, share: number): Colour => [
    lower[0] + (upper[0] - lower[0]) * share,
    lower[1] + (upper[1] - lower[1]) * share,
    lower[2] + (upper[2] - lower[2]) * share,
    1,
  ];
  const over = (lower: Colour, upper: Colour) => mixed(lower, upper, upper[3]);

  function luminance(colour: Colour): number {
    const [red, green, blue] = colour.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function contrast(element: Element, style: CSSStyleDeclaration, text: string): Contrast {
    const path: CSSStyleDeclaration[] = [];
    for (let at: Element | null = element; at !== null; at = at.parentElement) path.unshift(getComputedStyle(at));
    if (style !== path.at(-1) && style.backgroundColor !== path.at(-1)?.backgroundColor) path.push(style);
    let background: Colour = [1, 1, 1, 1];
    const groups: { opacity: number; behind: Colour }[] = [];
    for (const { backgroundColor, backgroundImage, filter, opacity } of path) {
      if (backgroundImage !== "none" || filter !== "none") throw new Error(`${text}: its background cannot be told`);
      groups.push({ opacity: Number(opacity), behind: background });
      background = over(background, colourOf(backgroundColor));
    }
    const isDrawn = element instanceof SVGElement;
    let foreground = over(background, colourOf(isDrawn ? style.fill : style.color));
    for (const { opacity, behind } of groups.reverse()) {
      foreground = mixed(behind, foreground, opacity);
      background = mixed(behind, background, opacity);
    }
    const [dark, light] = [luminance(foreground), luminance(background)].sort((a, b) => a - b);
    const shown = (colour: Colour) => `rgb(${colour.slice(0, 3).map((part) => Math.round(part * 255))})`;
    return { text, ratio: (light + 0.05) / (dark + 0.05), colours: `${shown(foreground)} on ${shown(background)}` };
  }

  const ownText = (element: Element) =>
    Array.from(element.childNodes, (node) => (node instanceof Text ? node.data : ""))
      .join("")
      .trim();

  window.contrastsOf = (control) => {
    const name = `${control.id || control.className} ${control.getAttribute("aria-label") ?? ""}`;
    if (control instanceof HTMLInputElement && control.type === "file") {
      return [contrast(control, getComputedStyle(control, "::file-selector-button"), name)];
    }
    if (control instanceof HTMLInputElement && /^(radio|range)$/.test(control.type)) return []; // no text
    if (control instanceof HTMLInputElement && control.placeholder !== "" && control.value === "") {
      return [contrast(control, getComputedStyle(control, "::placeholder"), name)];
    }
    const isField = /^(input|select|textarea)$/i.test(control.tagName);
    const carriers = isField
      ? [control]
      : [control, ...control.querySelectorAll("*")].filter(
          (element) => ownText(element) !== "" && !element.matches("title, .visually-hidden, .visually-hidden *"),
        );
    return carriers.map((element) => contrast(element, getComputedStyle(element), `${name} ${ownText(element)}`));
  };

  const all = "a, button, summary, select, input, textarea, .button, label:has(input), [role=button]";
  const isShown = (element: Element) => element.checkVisibility() && !element.matches(".visually-hidden");
  /** Attributes that rules of style may ask for, here and in all that is around. Ids are not among them. */
  const kindOf = (element: Element): string => {
    const asked = element
      .getAttributeNames()
      .filter((name) => /^(class|role|type|disabled|inert|open|aria-)/.test(name));
    const own = asked.map((name) => (name === "aria-label" ? name : `${name}=${element.getAttribute(name)}`));
    return `${element.parentElement === null ? "" : kindOf(element.parentElement)} ${element.tagName}[${own}]`;
  };
  const counts = new Map<string, number>();
  window.controls = [...document.querySelectorAll(all)].filter(isShown).filter((control) => {
    const count = (counts.get(kindOf(control)) ?? 0) + 1;
    counts.set(kindOf(control), count);
    return count <= 2;
  });
}

interface Finding extends Contrast {
  readonly state: string;
}

/** The states that the style tells apart. A control that is pressed is hovered as well, and so is all around it. */
const states = {
  none: { ofControl: [], around: [] },
  hovered: { ofControl: ["hover"], around: ["hover"] },
  pressed: { ofControl: ["hover", "active"], around: ["hover", "active"] },
  focused: { ofControl: ["focus", "focus-visible", "focus-within"], around: ["focus-within"] },
} as const satisfies Record<string, { ofControl: readonly string[]; around: readonly string[] }>;

/**
 * Every text of every control in every state, in light and dark colours, that has less than it must. The browser is
 * told that all controls are in a state, and then that none is.
 */
async function tooFaint(): Promise<Finding[]> {
  await page.evaluate(install);
  const session = await page.context().newCDPSession(page);
  const force = await stateForcer(session);
  const findings: Finding[] = [];
  // To change the colours costs more than to change the state, since the pictures are drawn anew.
  async function note(named: Record<string, keyof typeof states>) {
    for (const colours of colourSchemes) {
      await page.emulateMedia({ colorScheme: colours });
      for (const [name, state] of Object.entries(named)) {
        await force(states[state]);
        const contrasts = await page.evaluate(() => window.controls.flatMap((each) => window.contrastsOf(each)));
        // That something was measured at all.
        expect(contrasts.length, `${colours}, ${name}`).toBeGreaterThan(0);
        findings.push(...contrasts.map((contrast) => ({ state: `${colours}, ${name}`, ...contrast })));
      }
    }
  }
  await page.mouse.move(0, 0);
  await note({ "at rest": "none", hovered: "hovered", pressed: "pressed", focused: "focused" });
  await page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    for (const control of window.controls) {
      control.setAttribute("aria-disabled", "true");
      if ("disabled" in control && !(control instanceof HTMLButtonElement)) control.disabled = true;
    }
    for (const fieldset of document.querySelectorAll("fieldset")) fieldset.disabled = true;
  });
  await note({ disabled: "none", "disabled, hovered": "hovered" });
  await session.detach();
  return findings.filter(({ ratio }) => ratio < LEAST);
}

/** A function that puts all controls, and what lies around them, into states of CSS. */
async function stateForcer(session: CDPSession) {
  await session.send("DOM.enable");
  await session.send("CSS.enable");
  await page.evaluate(() => {
    for (const control of window.controls) {
      for (let at = control.parentElement; at !== null; at = at.parentElement) at.setAttribute("data-forced", "around");
    }
    for (const control of window.controls) control.setAttribute("data-forced", "control");
  });
  const { root } = await session.send("DOM.getDocument", { depth: 0 });
  const nodesOf = async (what: string) => {
    const selector = `[data-forced=${what}]`;
    return (await session.send("DOM.querySelectorAll", { nodeId: root.nodeId, selector })).nodeIds;
  };
  const [controls, around] = [await nodesOf("control"), await nodesOf("around")];
  const forceEach = (nodeIds: readonly number[], forcedPseudoClasses: readonly string[]) =>
    nodeIds.map((nodeId) =>
      session.send("CSS.forcePseudoState", { nodeId, forcedPseudoClasses: [...forcedPseudoClasses] }),
    );
  return async (state: { ofControl: readonly string[]; around: readonly string[] }) => {
    await Promise.all([...forceEach(controls, state.ofControl), ...forceEach(around, state.around)]);
    // That the browser has taken it up.
    const [first] = state.ofControl;
    if (first === undefined) return;
    const left = await page.evaluate(
      (first) => window.controls.filter((each) => !each.matches(`:${first}`)).length,
      first,
    );
    expect(left, `not in the state ${first}`).toBe(0);
  };
}

/** Shows all that is hidden at the moment, but the sign of being busy, which would lie over it. */
const showHidden = () =>
  page.evaluate(() => {
    for (const element of document.querySelectorAll<HTMLElement>("[hidden]:not(#busy)")) element.hidden = false;
    for (const details of document.querySelectorAll("details")) details.open = true;
  });

/** Waits for the last point of the picture that is drawn anew as long as there are some to come. */
const settled = (group: number) => page.getByRole("button", { name: `16 bits, groups of ${group}:` }).waitFor();

describe("in light and dark colours every control can be read in every state", () => {
  it("on the page as it starts, and of a matrix", async () => {
    await settled(4);
    await showHidden();
    await page.locator("figure table").nth(5).waitFor();
    await page.getByRole("button", { name: /^8 bits, zero points, search:/ }).waitFor();
    expect(await tooFaint()).toEqual([]);
  });

  it("where there is nothing, and while it is busy", async () => {
    await page.getByLabel("Or paste a matrix").fill("");
    await page.locator("#nothing").waitFor();
    await page.evaluate(() => {
      for (const id of ["busy", "opened", "input-problem", "show-problem", "groups"]) {
        (document.getElementById(id) as HTMLElement).hidden = false;
      }
    });
    await page.locator("#busy").evaluate((sign) => Promise.all(sign.getAnimations().map(({ finished }) => finished)));
    expect(await tooFaint()).toEqual([]);
  });

  async function openModel({ isSound }: { isSound: boolean }) {
    const tensors = ["up", "down"].map((name, i) => {
      const data = uniform("float32", 96 * 64, i);
      if (!isSound) data[5] = Number.NaN;
      return { name, dtype: "F32" as const, shape: [96, 64], data };
    });
    await page.getByLabel("Open a file").setInputFiles({
      name: "model.safetensors",
      mimeType: "",
      buffer: Buffer.from(fileOf([...tensors, { name: "ids", dtype: "I64", shape: [1], data: BigInt64Array.of(1n) }])),
    });
    await page.locator(".tile-text").first().waitFor();
  }

  /** Shows all of a model, and nothing of a matrix. */
  async function showAllOfModel() {
    await showHidden();
    await page.evaluate(() => {
      (document.getElementById("results") as HTMLElement).hidden = true;
    });
  }

  it("of a model that can be saved, and what is done with its tensors", async () => {
    await openModel({ isSound: true });
    await shows(() => text(page.locator(".tensors tbody td").nth(3))).toMatch(/ dB$/);
    await showAllOfModel();
    expect(await page.locator("#save .button").getAttribute("aria-disabled")).toBe("false");
    expect(await tooFaint()).toEqual([]);
  });

  it("of a model that cannot be saved, and what it would be with every setting", async () => {
    await openModel({ isSound: false });
    await page.getByRole("button", { name: "Keep them as they are" }).waitFor();
    await page.locator("#model").getByLabel("Columns").selectOption("group");
    await page.getByRole("button", { name: "up, 16 bits in groups of 32: element" }).waitFor();
    await showAllOfModel();
    expect(await tooFaint()).toEqual([]);
  });

  it("where what is shown is out of use", async () => {
    const faint = async (id: string) => {
      await shows(() => page.locator(id).evaluate((shown: HTMLElement) => shown.inert)).toBe(true);
      await page.evaluate(install);
      const findings: Contrast[] = [];
      for (const colorScheme of colourSchemes) {
        await page.emulateMedia({ colorScheme });
        const contrasts = await page.locator(id).evaluate((shown) => window.contrastsOf(shown));
        expect(contrasts.length).toBeGreaterThan(50);
        findings.push(...contrasts.filter(({ ratio }) => ratio < LEAST));
      }
      return findings;
    };
    await settled(4);
    await page.getByLabel("group", { exact: true }).check();
    await page.getByLabel("Group size").fill("3");
    expect(await faint("#results")).toEqual([]);
    await openModel({ isSound: true });
    await page.getByLabel("Save as").selectOption("comfyui");
    await page.locator("#model-bits").fill("5");
    expect(await faint("#model")).toEqual([]);
  });

  it("of a file that is opened", async () => {
    await page.getByLabel("Open a file").setInputFiles({
      name: "many.npy",
      mimeType: "",
      buffer: Buffer.from(writeNpy(uniform("float32", 300 * 200, 4), [300, 200])),
    });
    await shows(() => text(page.locator("#understood"))).toBe("300 × 200, float32");
    await settled(25);
    expect(await tooFaint()).toEqual([]);
  });
});
