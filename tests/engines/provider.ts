import { readdirSync, readFileSync } from "node:fs";
import { join, parse } from "node:path";
import { defineBrowserProvider } from "@vitest/browser";
import type { BrowserCommand, BrowserProvider } from "vitest/node";
import { type BrowserName, type OpenedBrowser, openBrowser } from "./browsers.js";

interface InstalledBrowser extends BrowserProvider {
  readonly opened: OpenedBrowser[];
}

/** Runs Vitest's tests in the browsers of this machine. */
export const installed = defineBrowserProvider({
  name: "installed",
  providerFactory: ({ config }): InstalledBrowser => {
    const opened: OpenedBrowser[] = [];
    return {
      name: "installed",
      opened,
      supportsParallelism: false,
      getCommandsContext: () => ({}),
      async openPage(_session, url) {
        opened.push(await openBrowser(config.browser.name as BrowserName, url));
      },
      async close() {
        for (const browser of opened.splice(0)) await browser.close();
      },
    };
  },
});

/** The file of this name that the browser saved, in base64; null until it is complete. */
export const savedFile: BrowserCommand<[name: string]> = ({ provider }, name) => {
  for (const { downloads } of (provider as InstalledBrowser).opened) {
    const names = readdirSync(downloads);
    // While Firefox saves, the file is empty and its bytes are in a file named NAME.part or STEM.RANDOM.svg.part.
    if (!names.includes(name) || names.some((other) => other !== name && other.startsWith(parse(name).name))) continue;
    const bytes = readFileSync(join(downloads, name));
    if (bytes.length > 0) return bytes.toString("base64");
  }
  return null;
};

declare module "vitest/browser" {
  interface BrowserCommands {
    savedFile(name: string): Promise<string | null>;
  }
}
