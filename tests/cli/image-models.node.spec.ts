import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tinyFile } from "../lib/image-models/tiny-image-models.js";
import { Workplace } from "./command.js";

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
  writeFileSync(place.path("flux.safetensors"), tinyFile("flux"));
});
afterEach(() => place.remove());

describe("an image model on the command line", () => {
  it("becomes a GGUF, of which inspect finds nothing to warn of", async () => {
    const { files } = await place.json("quantize", place.path("flux.safetensors"), "--type", "Q4_K_M");
    expect(files).toMatchObject([{ output: place.path("flux-Q4_K_M.gguf") }]);
    const { blocks, metadata, warnings } = await place.json("inspect", place.path("flux-Q4_K_M.gguf"));
    expect(metadata["general.architecture"]).toBe("flux");
    expect(blocks).toContainEqual(
      expect.objectContaining({ name: "double_blocks.0.img_attn.qkv.weight", type: "Q5_K" }),
    );
    expect(warnings).toBeUndefined();
  });

  it("becomes int8 for ComfyUI without further options, and inspect warns of what others do", async () => {
    const input = place.path("flux.safetensors");
    await place.json("quantize", input, "--dialect", "comfyui");
    const { stdout } = await place.run("inspect", place.path("flux-int8-comfyui.safetensors"));
    expect(stdout).toMatch(/img_in\.weight +256 x 64 +bfloat16/);
    expect(stdout).not.toMatch(/warning/);
    await place.json("quantize", input, "--dialect", "comfyui", "--include", "img_in.*", "--force");
    const again = await place.run("inspect", place.path("flux-int8-comfyui.safetensors"));
    expect(again.stdout).toMatch(/warning: 1 tensor is quantized, and flux needs it as floats \(img_in\.weight\)/);
  });

  it("takes an architecture from a file", async () => {
    const file = place.path("mine.json");
    writeFileSync(file, JSON.stringify({ extends: "flux", keep: ["*img_mod*"] }));
    const args = ["quantize", place.path("flux.safetensors"), "--type", "Q8_0", "--arch", file];
    const { files } = await place.json(...args);
    const tensors = files[0].tensors as { tensor: string; reason?: string }[];
    expect(tensors.find(({ tensor }) => tensor.includes("img_mod"))?.reason).toBe("flux needs img_mod as floats");
  });

  it.each<[string[], RegExp]>([
    [["--type", "Q8_0", "--arch", "fluc"], /--arch is fluc; it must be one of flux, .*did you mean flux\?/],
    [["--arch", "flux"], /--arch is "flux"; it needs a type or the dialect comfyui: give one/],
    [["--type", "Q8_0", "--arch", "bad.json"], /--arch\.kep|--arch has no "kep"/],
    [["--type", "Q8_0", "--arch", "broken.json"], /--arch: .*broken\.json is not JSON/],
    [["--type", "Q8_0", "--arch", "absent.json"], /absent\.json: no such file or folder/],
  ])("is refused: %s", async (options, reason) => {
    writeFileSync(place.path("bad.json"), '{"name":"a","kep":[]}');
    writeFileSync(place.path("broken.json"), "{");
    const given = options.map((option) => (option.endsWith(".json") ? place.path(option) : option));
    const { code, stderr } = await place.run("quantize", place.path("flux.safetensors"), ...given);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(reason);
  });
});
