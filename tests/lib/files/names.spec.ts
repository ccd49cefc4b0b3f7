// Names are data: names of JavaScript's own properties are names like any others.

import { load } from "channelwise";
import { blobSink, joinShards, openModel, planModel, quantizeModel } from "channelwise/models";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { safetensorsFile } from "./safetensors-file.js";

const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "__defineGetter__"];
const data = uniform("float32", 64 * 64, 1) as Float32Array;
const quoted = (name: string) => JSON.stringify(name);

/** A file with its header written out, since an object literal cannot have a key "__proto__". */
function file(some: readonly string[]): Uint8Array<ArrayBuffer> {
  const entry = (i: number) => `{"dtype":"F32","shape":[64,64],"data_offsets":[${[i, i + 1].map((n) => n * 16384)}]}`;
  const metadata = some.map((name) => `${quoted(name)}:${quoted(`of ${name}`)}`).join(",");
  const entries = some.map((name, i) => `${quoted(name)}:${entry(i)}`).join(",");
  const bytes = new Uint8Array(some.length * data.byteLength);
  for (const i of some.keys()) bytes.set(new Uint8Array(data.buffer), i * data.byteLength);
  return safetensorsFile(`{"__metadata__":{${metadata}},${entries}}`, bytes);
}

const metadataOf = (metadata: object) => Object.entries(metadata).sort();
const said = names.map((name) => [name, `of ${name}`]).sort();

describe("tensors and metadata of such names", () => {
  it("are read, quantized and written", async () => {
    const model = await openModel(file(names), { name: "model.safetensors" });
    expect(model.tensors.map(({ name }) => name)).toEqual(names);
    expect(metadataOf(model.metadata)).toEqual(said);
    const overrides = Object.fromEntries([["__proto__", { bits: 4 }]]);
    const plan = planModel(model, { overrides, exclude: ["constructor"] });
    expect(plan.decisions.map((decision) => decision.quantize && decision.scheme.bits)).toEqual([4, false, 8, 8, 8, 8]);
    const sink = blobSink();
    await quantizeModel(await load(), plan, sink);
    const again = await openModel(await sink.blob(), { name: "again.safetensors" });
    expect(metadataOf(again.metadata)).toEqual(said);
    expect(again.tensors.map(({ name }) => name).sort()).toEqual(
      names.flatMap((name) => (name === "constructor" ? [name] : [name, `${name}_scale`])).sort(),
    );
  });

  it("are read from shards, whose index may name them", async () => {
    const shards = names.map((name, i) => new File([file([name])], `${i}.safetensors`));
    const map = `{"weight_map":{${names.map((name, i) => `${quoted(name)}:"${i}.safetensors"`).join(",")}}}`;
    const model = await openModel([new File([map], "model.safetensors.index.json"), ...shards]);
    expect(model.tensors.map(({ name }) => name)).toEqual(names);
    expect(metadataOf(model.metadata)).toEqual(said);
    const { index } = await joinShards(await Promise.all(shards.map((shard) => openModel(shard))));
    expect(Object.keys(index.weight_map).sort()).toEqual([...names].sort());
    // Such names are not in the index.
    const other = new File([`{"weight_map":{"w":"0.safetensors"}}`], "model.safetensors.index.json");
    await expect(openModel([other, new File([file(["constructor"])], "0.safetensors")])).rejects.toThrow(
      "says that it does not exist",
    );
  });

  it("are read from a TensorFlow.js model", async () => {
    const weights = names.map((name) => `{"name":${quoted(name)},"shape":[64,64],"dtype":"float32"}`);
    const json = `{"__proto__":{"weightsManifest":1},"weightsManifest":[{"paths":["a.bin"],"weights":[${weights}]}]}`;
    const files = [
      new File([json], "model.json"),
      new File(
        names.map(() => data as BlobPart),
        "a.bin",
      ),
    ];
    expect((await openModel(files)).tensors.map(({ name }) => name)).toEqual(names);
    const none = `{"__proto__":{"weightsManifest":[]}}`;
    await expect(openModel(new File([none], "model.json"))).rejects.toThrow("without a weight_map");
    for (const key of ["dtype", "shape"]) {
      const wrong = weights[0].replace(`"${key}":`, `"other":`);
      const model = `{"weightsManifest":[{"paths":["a.bin"],"weights":[${wrong}]}]}`;
      await expect(openModel([new File([model], "model.json"), files[1]])).rejects.toThrow(`its ${key} is missing`);
    }
  });

  it("are no types", async () => {
    for (const dtype of names) {
      const header = { w: { dtype, shape: [1], data_offsets: [0, 4] } };
      const broken = openModel(safetensorsFile(header, new Uint8Array(4)), { name: "w.safetensors" });
      await expect(broken).rejects.toThrow(`its dtype is "${dtype}"; known are BOOL`);
    }
  });
});
