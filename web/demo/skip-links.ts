/** Lets the links at the start of the page go to its parts: of those that they name, to the first that is shown. */
export function followSkipLinks() {
  for (const link of document.querySelectorAll<HTMLAnchorElement>(".skip a")) {
    link.addEventListener("click", (event) => {
      event.preventDefault(); // the page's own address keeps the matrix and its settings behind the #
      const parts = (link.getAttribute("href") ?? "").split(" ").map((id) => document.querySelector<HTMLElement>(id));
      const target = parts.find((part) => part?.checkVisibility());
      if (!target) return;
      target.tabIndex = -1;
      target.scrollIntoView();
      target.focus({ preventScroll: true });
    });
  }
}
