import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { firefoxPath, miniBrowserPath, xvfbPath } from "../../scripts/setup.mjs";

/** A browser that was only told an address. Nothing drives it, so that it behaves as a person's does. */
export interface OpenedBrowser {
  /** The folder for its downloads. */
  readonly downloads: string;
  close(): Promise<void>;
}

const browsers = { firefox: openFirefox, webkit: openWebKit };

export type BrowserName = keyof typeof browsers;

export const installedBrowsers = (["firefox", "webkit"] as const).filter((name) =>
  name === "firefox" ? firefoxPath() : miniBrowserPath() && xvfbPath(),
);

export function openBrowser(name: BrowserName, url: string): Promise<OpenedBrowser> {
  return browsers[name](url);
}

/** Switches off Firefox's own pages, questions and connections. */
const firefoxPreferences = {
  "app.normandy.enabled": false,
  "app.update.enabled": false,
  "browser.aboutwelcome.enabled": false,
  "browser.download.folderList": 2, // the folder of browser.download.dir
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.homepage_override.mstone": "ignore",
  "datareporting.policy.dataSubmissionEnabled": false,
  "extensions.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,",
  "toolkit.telemetry.enabled": false,
};

async function openFirefox(url: string): Promise<OpenedBrowser> {
  const { home, downloads } = newHome();
  const preferences = { ...firefoxPreferences, "browser.download.dir": downloads };
  const lines = Object.entries(preferences).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`);
  writeFileSync(join(home, "user.js"), lines.join(""));
  const firefox = await start(firefoxPath() as string, ["--headless", "--no-remote", "--profile", home, url], home);
  return running([firefox], home, downloads);
}

/** The features of files that Safari 26 has on and WebKitGTK 2.50 has off. WebDriver cannot switch them on. */
const webKitFeatures = ["AccessHandle", "FileSystem", "FileSystemWritableStream", "StorageAPI"];

async function openWebKit(url: string): Promise<OpenedBrowser> {
  const { home, downloads } = newHome();
  mkdirSync(join(home, ".config"));
  writeFileSync(join(home, ".config/user-dirs.dirs"), `XDG_DOWNLOAD_DIR="${downloads}"\n`);
  const screen = await start(xvfbPath() as string, ["-displayfd", "3", "-nolisten", "tcp"], home);
  // Xvfb chooses a free display, and prints its number when it is ready.
  const [display] = await Promise.race([
    once(screen.stdio[3] as Readable, "data"),
    once(screen, "exit").then(() => Promise.reject(new Error("there is no screen for WebKit: Xvfb did not start"))),
  ]);
  const webKit = await start(miniBrowserPath() as string, [`--features=${webKitFeatures.join()}`, url], home, {
    DISPLAY: `:${String(display).trim()}`,
    GDK_BACKEND: "x11",
    JSC_useSharedArrayBuffer: "1",
    // Without a graphics card it would draw few frames, and delay what waits for one.
    WEBKIT_DISABLE_COMPOSITING_MODE: "1",
    // The sandbox needs rights that containers do not have.
    WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
  });
  return running([webKit, screen], home, downloads);
}

/** A folder for everything a browser keeps. */
function newHome() {
  const home = mkdtempSync(join(tmpdir(), "channelwise-browser-"));
  const downloads = join(home, "downloads");
  mkdirSync(downloads);
  return { home, downloads };
}

/** Starts a program that ends with this one, however this one ends. If it ends by itself, its last output is shown. */
async function start(file: string, args: string[], home: string, environment: NodeJS.ProcessEnv = {}) {
  const { XDG_CACHE_HOME: _, XDG_CONFIG_HOME: __, XDG_DATA_HOME: ___, ...inherited } = process.env;
  const program = spawn("setpriv", ["--pdeathsig", "KILL", file, ...args], {
    env: { ...inherited, HOME: home, ...environment },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    detached: true, // its processes are a group, which is ended as a whole
  });
  let said = "";
  program.stderr?.on("data", (text) => {
    said = (said + text).slice(-2000);
  });
  program.on("exit", (code, signal) => {
    if (signal !== "SIGKILL") console.error(`${file} ended by itself (${code ?? signal}):\n${said}`);
  });
  await once(program, "spawn");
  return program;
}

function running(programs: readonly ChildProcess[], home: string, downloads: string): OpenedBrowser {
  const alive = () => programs.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const leave = () => {
    for (const { pid } of alive()) process.kill(-(pid as number), "SIGKILL");
    rmSync(home, { recursive: true, force: true, maxRetries: 10 });
  };
  process.once("exit", leave);
  return {
    downloads,
    async close() {
      process.off("exit", leave);
      const ends = alive().map((program) => once(program, "exit"));
      leave();
      await Promise.all(ends);
    },
  };
}
