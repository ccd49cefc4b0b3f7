import { html, scrollRegion } from "../dom.js";
import { type PassedOver, reasons } from "./kind-of-files.js";

/** Names the files that are not opened: a line for each reason. */
export function showPassedOver(place: HTMLElement, passedOver: readonly PassedOver[]) {
  const lines = Object.entries(reasons).flatMap(([reason, text]) => {
    const names = passedOver.filter((each) => each.reason === reason).map(({ name }) => name);
    return names.length === 0 ? [] : [html("p", {}, `${text}: ${names.join(", ")}`)];
  });
  place.replaceChildren("Not opened:", scrollRegion("Files that are not opened", ...lines));
}
