import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const setup = fileURLToPath(new URL("../../scripts/setup.mjs", import.meta.url));

/** Runs a set-up in a Node of its own. */
function run(call: "setupForBuild" | "setupForTests", env: NodeJS.ProcessEnv) {
  const program = `import { ${call} } from ${JSON.stringify(setup)}; ${call}();`;
  return spawnSync(process.execPath, ["--input-type=module", "--eval", program], { env, encoding: "utf8" });
}

test("where all is there, nothing is done", () => {
  expect(run("setupForTests", process.env)).toMatchObject({ stdout: "", stderr: "", status: 0 });
});

test("where nothing can be installed, one sentence says what to install", () => {
  const { stdout, stderr, status } = run("setupForBuild", { PATH: "" });
  expect({ stdout, status }).toEqual({ stdout: "", status: 1 });
  expect(stderr).toMatch(/^emscripten, cmake, make, zopfli must be installed by hand, .* apt-get install .*\.\n$/);
});
