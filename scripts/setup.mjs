// Installs what building and testing need, if it is missing: system packages with apt, npm packages with npm ci. It
// uses nothing but Node, since it runs before npm packages exist.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * A tool that the system must have.
 * @typedef {{ debianPackage: string, isPresent: () => boolean }} SystemTool
 */

/** @type {SystemTool[]} */
const buildTools = [
  { debianPackage: "emscripten", isPresent: () => isInPath("em++") },
  { debianPackage: "cmake", isPresent: () => isInPath("cmake") },
  { debianPackage: "make", isPresent: () => isInPath("make") },
  { debianPackage: "zopfli", isPresent: () => isInPath("zopfli") },
];

/** @type {SystemTool[]} */
const testTools = [
  { debianPackage: "g++", isPresent: () => ["c++", "g++", "clang++"].some(isInPath) },
  { debianPackage: "libgtest-dev", isPresent: () => isHeader("gtest/gtest.h") },
  { debianPackage: "libsimde-dev", isPresent: () => isHeader("simde/wasm/simd128.h") },
  { debianPackage: "wabt", isPresent: () => isInPath("wasm-objdump") },
  { debianPackage: "chromium-headless-shell", isPresent: () => chromiumPath() !== undefined },
];

/**
 * The engines beside Chromium's: Gecko, WebKit in a browser with the screen that it needs, and WebKit's JavaScript
 * engine alone.
 * @type {SystemTool[]}
 */
const engineTools = [
  { debianPackage: "firefox-esr", isPresent: () => firefoxPath() !== undefined },
  { debianPackage: "libwebkit2gtk-4.1-0", isPresent: () => miniBrowserPath() !== undefined },
  { debianPackage: "xvfb", isPresent: () => xvfbPath() !== undefined },
  { debianPackage: "libjavascriptcoregtk-4.0-bin", isPresent: () => jscPath() !== undefined },
];

/** Makes `npm run build` possible. Does nothing where nothing is missing. */
export function setupForBuild() {
  checkNode();
  installTools(buildTools);
  installNpmPackages();
}

/**
 * Makes `npm test` possible. Does nothing where nothing is missing. Only Debian has all engines; other systems test
 * with those that they have.
 */
export function setupForTests() {
  checkNode();
  installTools([...buildTools, ...testTools, ...(isDistribution("debian") ? engineTools : [])]);
  installNpmPackages();
  const missing = engineTools.filter((tool) => !tool.isPresent()).map((tool) => tool.debianPackage);
  if (missing.length > 0) {
    console.warn(
      `The tests that need ${missing.join(", ")}, as Debian calls them, are left out: they are not here. (A Firefox from a snap does not do; FIREFOX may name another.)`,
    );
  }
}

/**
 * The browser for the tests: that of the CHROMIUM variable, else the first in the path. The headless shell is Chromium
 * without a window, and opens pages in three quarters of the time.
 */
export function chromiumPath() {
  const names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];
  return process.env.CHROMIUM || names.map(findInPath).find(Boolean);
}

/**
 * The Firefox for the tests: that of the FIREFOX variable, else the first in the path that is not a snap, since snaps
 * cannot see /tmp.
 */
export function firefoxPath() {
  return process.env.FIREFOX || ["firefox-esr", "firefox"].map(findInPath).find((file) => file && !isSnap(file));
}

/** The browser that comes with WebKitGTK. */
export function miniBrowserPath() {
  const libraries = "/usr/lib";
  if (!existsSync(libraries)) return undefined;
  return readdirSync(libraries)
    .map((folder) => join(libraries, folder, "webkit2gtk-4.1/MiniBrowser"))
    .find((file) => existsSync(file));
}

/** A virtual screen, for a browser that needs one. */
export function xvfbPath() {
  return findInPath("Xvfb");
}

/** WebKit's JavaScript engine as a command. */
export function jscPath() {
  return findInPath("jsc");
}

/**
 * Runs npm under this Node: Debian's Emscripten brings another one, which may come first in the path.
 * @param {string[]} args
 */
export function npm(args, { cwd = root, quiet = false } = {}) {
  const logged = quiet ? ["--loglevel", "error"] : [];
  const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
  const { status } = spawnSync("npm", [...args, ...logged], {
    cwd,
    env,
    stdio: ["ignore", quiet ? "ignore" : "inherit", "inherit"],
  });
  return status === 0;
}

function checkNode() {
  const { engines } = readJson("package.json");
  const [major, minor] = engines.node.match(/\d+/g).map(Number);
  const [ourMajor = 0, ourMinor = 0] = process.versions.node.split(".").map(Number);
  if (ourMajor < major || (ourMajor === major && ourMinor < minor)) {
    stop(`This is Node ${process.versions.node}, and channelwise needs Node ${engines.node}: install a newer one.`);
  }
}

/** @param {SystemTool[]} tools */
function installTools(tools) {
  const missing = tools.filter((tool) => !tool.isPresent()).map((tool) => tool.debianPackage);
  if (missing.length === 0) return;
  const names = missing.join(", ");

  if (missing.includes("chromium-headless-shell") && isDistribution("ubuntu")) {
    stop("Ubuntu has Chromium as a snap only: install Google Chrome, or set CHROMIUM to the path of another Chromium.");
  }
  const install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", ...missing];
  if (!isInPath("apt-get")) {
    stop(`${names} must be installed by hand, as there is no apt-get here (on Debian: ${install.join(" ")}).`);
  }
  const privilege = rootPrivilege();
  if (privilege === undefined) {
    stop(`${names} must be installed, which takes root: run "sudo ${install.join(" ")}", then this again.`);
  }

  console.log(`Installing with apt: ${names}`);
  const asRoot = (/** @type {string[]} */ command) => {
    const [file = "", ...args] = [...privilege, "env", "DEBIAN_FRONTEND=noninteractive", ...command];
    return spawnSync(file, args, { stdio: "inherit" }).status === 0;
  };
  // Without a network, the package lists on the machine may suffice, so a failure here is not final.
  asRoot(["apt-get", "update", "-q"]);
  if (!asRoot([...install, ...keepUnpackagedNode()])) {
    stop(`apt-get could not install ${names}, for the reason above: install them by hand and run this again.`);
  }
}

/**
 * The beginning of a command that runs as root; undefined where that is impossible. A password is asked for only on a
 * terminal.
 */
function rootPrivilege() {
  if (process.getuid?.() === 0) return [];
  if (!isInPath("sudo")) return undefined;
  if (process.stdin.isTTY) return ["sudo"];
  return spawnSync("sudo", ["-n", "true"]).status === 0 ? ["sudo", "-n"] : undefined;
}

/**
 * Emscripten depends on Debian's nodejs (18 in Debian 12), which would overwrite a /usr/bin/node that belongs to no
 * package.
 */
function keepUnpackagedNode() {
  const node = "/usr/bin/node";
  const isUnpackaged = existsSync(node) && spawnSync("dpkg", ["--search", node]).status !== 0;
  return isUnpackaged ? ["-o", `Dpkg::Options::=--path-exclude=${node}`] : [];
}

function installNpmPackages() {
  if (areNpmPackagesInstalled()) return;
  console.log("Installing npm packages");
  if (!npm(["ci"]))
    stop("npm ci failed, for the reason above: put that right (the network, the registry) and run this again.");
}

/** Compares package-lock.json with the record that npm leaves in node_modules when an installation is complete. */
function areNpmPackagesInstalled() {
  const record = "node_modules/.package-lock.json";
  if (!existsSync(join(root, record))) return false;
  const { packages: installed } = readJson(record);
  const { "": _project, ...wanted } = readJson("package-lock.json").packages;
  return Object.entries(wanted).every(([path, { version, integrity, optional = false }]) => {
    const found = installed[path];
    return found === undefined ? optional : found.version === version && found.integrity === integrity;
  });
}

/** @param {string} name */
function findInPath(name) {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** @param {string} name */
function isInPath(name) {
  return findInPath(name) !== undefined;
}

/** @param {string} name */
function isHeader(name) {
  return ["/usr/include", "/usr/local/include"].some((folder) => existsSync(join(folder, name)));
}

/** @param {string} id */
function isDistribution(id) {
  const file = "/etc/os-release";
  return existsSync(file) && new RegExp(`^ID=${id}$`, "m").test(readFileSync(file, "utf8"));
}

/** @param {string} file a command; that of a snap is a link to another, or Ubuntu's script that starts it */
function isSnap(file) {
  return /\/snap(\/|$)/.test(realpathSync(file)) || readFileSync(file).subarray(0, 4096).includes("/snap/bin/");
}

/** @param {string} file */
function readJson(file) {
  return JSON.parse(readFileSync(join(root, file), "utf8"));
}

/**
 * @param {string} sentence
 * @returns {never}
 */
function stop(sentence) {
  console.error(sentence);
  process.exit(1);
}
