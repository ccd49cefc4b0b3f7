import type { Page } from "playwright";
import { expect, it } from "vitest";
import { fileOf } from "../lib/files/safetensors-file.js";
import { float, modelBytes, node, tensor } from "../lib/onnx/models.js";
import { uniform } from "../lib/random.js";
import { axeFindsNothing, cells, openForEach, shows, text } from "./page.js";

let page: Page;

openForEach(
  {},
  (opened) => {
    ({ page } = opened);
  },
  { kept: true, isSeen: false },
);

async function open(name: string, contents: Uint8Array) {
  await page.getByLabel("Open a file").setInputFiles({ name, mimeType: "", buffer: Buffer.from(contents) });
  await shows(() => text(page.locator("#model-heading"))).toBe(name);
}

const data = uniform("float32", 64 * 96, 1);

it("the operators of an ONNX model that use a weight are drawn above it", async () => {
  const users = Array.from({ length: 14 }, (_, i) => node("MatMul", [`x${i}`, "shared"], [`y${i}`]));
  const net = modelBytes({
    opset: 17,
    graph: {
      node: [
        node("Transpose", ["layers.0.attention.projection.weight"], ["moved"], { perm: [1, 0] }),
        node("MatMul", ["x", "moved"], ["y"]),
        node("Relu", ["y"], ["out"]),
        ...users,
      ],
      initializer: [tensor("layers.0.attention.projection.weight", [96, 64], data), tensor("shared", [64, 96], data)],
      input: [float("x", [1, 64]), ...users.map((_, i) => float(`x${i}`, [1, 64]))],
      output: [float("out"), ...users.map((_, i) => float(`y${i}`))],
    },
  });
  await open("net.onnx", net);
  const graph = page.locator(".weight-graph");
  const pictureOf = async (weight: string) => {
    await page.getByRole("button", { name: weight, exact: true }).click();
    await shows(() => page.locator("#results").getAttribute("aria-busy")).toBe("false");
    return graph.locator("svg");
  };
  const picture = await pictureOf("layers.0.attention.projection.weight");
  await shows(() => picture.getAttribute("aria-label")).toBe(
    "layers.0.attention.projection.weight is used by Transpose moved node, MatMul y node",
  );
  expect(await picture.locator("title").allTextContents()).toEqual([
    "layers.0.attention.projection.weight",
    "Transpose moved node",
    "MatMul y node",
    "x",
    "Relu",
  ]);
  await page.setViewportSize({ width: 390, height: 800 });
  const overflowing = () =>
    picture.evaluate((svg: SVGSVGElement) => {
      const boxes = [...svg.querySelectorAll("g")].map((g) => [g.querySelector("rect"), ...g.querySelectorAll("text")]);
      const isOver = ([box, ...texts]: (SVGGraphicsElement | null)[]) =>
        texts.some((text) => (text?.getBBox().width ?? 0) > (box?.getBBox().width ?? 0));
      return [boxes.filter(isOver).length, svg.clientWidth > innerWidth];
    });
  await shows(overflowing).toEqual([0, false]);
  await axeFindsNothing(page, "#of-model");

  await page.getByRole("button", { name: "Back to net.onnx" }).click();
  await pictureOf("shared");
  await shows(() => text(graph.locator("figcaption"))).toMatch(/ The table has 2 more nodes\.$/);
  await graph.locator("summary").click();
  await shows(async () => (await cells(graph.locator("table"))).length).toBe(15);

  await open("plain.safetensors", fileOf([{ name: "plain", dtype: "F32", shape: [64, 96], data }]));
  await pictureOf("plain");
  expect(await graph.isVisible()).toBe(false);
});
