import { html } from "./dom.js";
import { fragmentOf, linkedBy } from "./link.js";
import type { Settings } from "./protocol.js";

/**
 * The kinds of settings that the browser keeps for this page until they are forgotten, in the form of the part after the
 * # of a link: those of matrices, and those of the model that was open last.
 */
export type Kept = "matrix" | "model";

const keyOf = (what: Kept) => `channelwise ${what}`;

/** Keeps settings; nothing where the browser refuses. */
export function keep(what: Kept, fragment: string) {
  try {
    localStorage.setItem(keyOf(what), fragment);
    offerToForget();
  } catch {
    // Storage is full, or refused as in a private window.
  }
}

export function kept(what: Kept): string | undefined {
  try {
    return localStorage.getItem(keyOf(what)) ?? undefined;
  } catch {
    return undefined;
  }
}

export async function keepMatrixSettings(settings: Settings) {
  keep("matrix", (await fragmentOf({ settings })).fragment);
}

/** The kept settings that fit any matrix. */
export async function keptMatrixSettings(): Promise<Partial<Settings>> {
  offerToForget();
  try {
    const { bits, rule, zeroPoints, granularity, arithmetic } = (await linkedBy(kept("matrix") ?? ""))?.settings ?? {};
    return {
      ...(bits !== undefined && { bits }),
      ...(rule !== undefined && { rule }),
      ...(zeroPoints !== undefined && { zeroPoints }),
      ...(granularity !== undefined && { granularity }),
      ...(arithmetic !== undefined && { arithmetic }),
    };
  } catch {
    return {}; // an older page kept them in another form
  }
}

/** A button at the end of the page that forgets them and begins anew. */
function offerToForget() {
  if (document.getElementById("forget") !== null) return;
  const button = html("button", { type: "button", class: "small" }, "Forget them");
  button.addEventListener("click", () => {
    for (const what of ["matrix", "model"] as const) localStorage.removeItem(keyOf(what));
    location.reload();
  });
  const text = "This browser keeps your settings for the next visit. ";
  document.body.append(html("footer", { id: "forget", class: "hint" }, text, button));
}
