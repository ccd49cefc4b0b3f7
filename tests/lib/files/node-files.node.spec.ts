import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { load } from "channelwise";
import {
  compareModels,
  fileSink,
  joinGguf,
  measureModel,
  type OpenSource,
  openModel,
  openSource,
  planModel,
  privateFileSink,
  quantizeModel,
  removePartialFiles,
  StoppedError,
} from "channelwise/models";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ggufFile } from "../gguf/gguf-file.js";
import { tinyModel } from "../gguf/tiny-models.js";
import { uniform } from "../random.js";
import { quantized } from "./run.js";
import { fileOf } from "./safetensors-file.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "channelwise-files-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string) => join(folder, name);
const shard = (name: string) =>
  fileOf([{ name, dtype: "F32", shape: [64, 65], data: uniform("float32", 64 * 65, name.length) }]);

describe("files of Node", () => {
  it("are opened by path or URL, and closed", async () => {
    writeFileSync(at("model.safetensors"), shard("a.weight"));
    for (const file of [at("model.safetensors"), pathToFileURL(at("model.safetensors"))]) {
      const model = await openModel(file);
      expect(model).toMatchObject({ name: "model.safetensors", files: ["model.safetensors"] });
      expect(await model.tensors[0].read(4, 8)).toEqual(
        new Uint8Array(uniform("float32", 64 * 65, 8).buffer).slice(4, 12),
      );
      await model.close();
      await expect(model.tensors[0].read(0, 4)).rejects.toThrow();
    }
  });

  it("find the files that they name beside them", async () => {
    writeFileSync(at("one.safetensors"), shard("a.weight"));
    writeFileSync(at("two.safetensors"), shard("bb.weight"));
    const index = { weight_map: { "a.weight": "one.safetensors", "bb.weight": "two.safetensors" } };
    writeFileSync(at("model.safetensors.index.json"), JSON.stringify(index));
    writeFileSync(at("group1.bin"), Float32Array.of(1, 2, 3, 4));
    const manifest = [{ paths: ["group1.bin"], weights: [{ name: "w", shape: [2, 2], dtype: "float32" }] }];
    writeFileSync(at("model.json"), JSON.stringify({ weightsManifest: manifest }));

    const sharded = await openModel(at("model.safetensors.index.json"));
    expect(sharded.tensors.map(({ name }) => name)).toEqual(["a.weight", "bb.weight"]);
    expect(sharded.files).toEqual(["model.safetensors.index.json", "one.safetensors", "two.safetensors"]);
    await sharded.close();
    const tfjs = await openModel(at("model.json"));
    expect(tfjs.tensors).toMatchObject([{ name: "w", shape: [2, 2] }]);
    await tfjs.close();

    rmSync(at("two.safetensors"));
    await expect(openModel(at("model.safetensors.index.json"))).rejects.toThrow(/ENOENT.*two\.safetensors/);
  });

  it("are judged by the shards that lie beside one, and also without them", async () => {
    const names = [1, 2, 3].map((k) => `m-0000${k}-of-000003.safetensors`);
    writeFileSync(
      at(names[0]),
      fileOf([
        { name: "l.factors", dtype: "F32", shape: [64, 32], data: new Float32Array(64 * 32) },
        { name: "o.weight", dtype: "F32", shape: [64, 64], data: new Float32Array(64 * 64) },
      ]),
    );
    writeFileSync(at(names[1]), "damaged");
    const reasons = async () => {
      const model = await openModel(at(names[0]));
      expect(model).toMatchObject({ files: [names[0]], tensors: [{}, {}] });
      await model.close();
      return planModel(model).decisions.map((decision) => !decision.quantize && decision.reason);
    };
    expect(await reasons()).toEqual([false, false]);
    const codes = { name: "l.codes", dtype: "I32", shape: [64, 256], data: new Int32Array(64 * 256) };
    writeFileSync(at(names[2]), fileOf([codes]));
    expect(await reasons()).toEqual(["it belongs to l.codes, which is quantized already", false]);
  });

  it("find files in folders below, however alike their names are", async () => {
    const weights = [Float32Array.of(1, 2), Float32Array.of(3, 4), Float32Array.of(5, 6)];
    const paths = ["weights/group1.bin", "weights/more/group1.bin", "group1.bin"];
    mkdirSync(at("weights/more"), { recursive: true });
    for (const [i, path] of paths.entries()) writeFileSync(at(path), weights[i]);
    const manifest = paths.map((path, i) => ({
      paths: [path],
      weights: [{ name: `${i}`, shape: [2], dtype: "float32" }],
    }));
    writeFileSync(at("model.json"), JSON.stringify({ weightsManifest: manifest }));
    const model = await openModel(at("model.json"));
    expect(model.files).toEqual(["model.json", ...paths]);
    for (const [i, { read }] of model.tensors.entries()) {
      expect(new Float32Array((await read(0, 8)).buffer)).toEqual(weights[i]);
    }
    await model.close();
  });

  it("are refused when they are none", async () => {
    await expect(openModel(at("missing.safetensors"))).rejects.toThrow(/ENOENT/);
    await expect(openModel(folder)).rejects.toThrow(`${folder} is not a file: it is a folder`);
    await expect(openModel("/dev/zero")).rejects.toThrow("/dev/zero is not a file: it is a device");
    execFileSync("mkfifo", [at("pipe.npy")]);
    // Nobody writes to it: opening it without O_NONBLOCK would wait for ever.
    await expect(openModel(at("pipe.npy"))).rejects.toThrow(
      `${at("pipe.npy")} is not a file: it is a pipe, which is read`,
    );
  });

  it("that change while they are read make no output", async () => {
    writeFileSync(at("a.safetensors"), shard("a.weight"));
    const model = await openModel(at("a.safetensors"));
    const plan = planModel(model);
    const onProgress = () => utimesSync(at("a.safetensors"), 1, 1); // as a program does that writes to it
    const changed = /a\.safetensors changed while it was read: do it again once nothing writes to it$/;
    await expect(
      quantizeModel(await load(), plan, await fileSink(at("b.safetensors")), { onProgress }),
    ).rejects.toThrow(changed);
    await expect(measureModel(await load(), plan)).rejects.toThrow(changed);
    const same = await openModel(shard("a.weight"), { name: "same.safetensors" });
    for (const pair of [
      [model, same],
      [same, model],
    ]) {
      await expect(compareModels(await load(), pair[0], pair[1])).rejects.toThrow(changed);
    }
    await model.close();
    expect(readdirSync(folder)).toEqual(["a.safetensors"]);
  });

  it("that change while a GGUF is split make no parts", async () => {
    writeFileSync(at("a.gguf"), ggufFile(tinyModel({ architecture: "llama", layers: 1, columns: 64, hidden: 96 })));
    const model = await openModel(at("a.gguf"));
    const onProgress = () => utimesSync(at("a.gguf"), 1, 1);
    const written = joinGguf(model).write(await fileSink(at("b.gguf")), { onProgress });
    await expect(written).rejects.toThrow(/a\.gguf changed while it was read/);
    await model.close();
    expect(readdirSync(folder)).toEqual(["a.gguf"]);
  });

  it("are refused when they are empty, whatever they are called", async () => {
    for (const name of ["w.npy", "w.npz", "w.csv", "w.gguf", "w.onnx", "w.safetensors", "w.json", "w"]) {
      writeFileSync(at(name), "");
      await expect(openModel(at(name))).rejects.toThrow(
        `${name}, byte 0: the file is empty: download or save it again`,
      );
    }
  });

  it("are read into memory that is given", async () => {
    writeFileSync(at("model.safetensors"), shard("a.weight"));
    const model = await openModel(at("model.safetensors"));
    const spare = new ArrayBuffer(8);
    const bytes = await model.tensors[0].read(4, 8, spare);
    expect(bytes.buffer).toBe(spare);
    expect(bytes).toEqual(await model.tensors[0].read(4, 8));
    await model.close();
  });

  it("are open no more than some at a time, however many are read in turns", async () => {
    const opened = async () => (await readdir("/proc/self/fd")).length;
    const before = await opened();
    const sources = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        writeFileSync(at(`${i}.bin`), Uint8Array.of(i, i + 1));
        return openSource(at(`${i}.bin`));
      }),
    );
    for (const start of [0, 1]) {
      const bytes = await Promise.all(sources.map((source) => source.read(start, 1)));
      expect(bytes.map(([byte]) => byte)).toEqual(sources.map((_, i) => i + start));
    }
    await setImmediate(); // files are closed in the background
    expect(await opened()).toBeLessThanOrEqual(before + 64);
    await Promise.all(sources.map((source) => source.close()));
    await setImmediate();
    expect(await opened()).toBeLessThanOrEqual(before);
  });

  it("may not be replaced while they are read", async () => {
    const sources: OpenSource[] = [];
    for (let i = 0; i < 100; i++) {
      writeFileSync(at(`${i}.bin`), "before");
      sources.push(await openSource(at(`${i}.bin`)));
    }
    // The first one is closed by now, and opened again when it is read.
    writeFileSync(at("other.bin"), "afterw");
    renameSync(at("other.bin"), at("0.bin"));
    await expect(sources[0].read(0, 6)).rejects.toThrow(`${at("0.bin")} is a different file than before`);
    renameSync(at("0.bin"), at("away.bin"));
    await expect(sources[0].read(0, 6)).rejects.toThrow(/ENOENT/);
    expect(new TextDecoder().decode(await sources[1].read(0, 6))).toBe("before");
    for (const source of sources) await source.close();
  });

  it("may not shrink while they are read", async () => {
    writeFileSync(at("a.bin"), new Uint8Array(100));
    const source = await openSource(at("a.bin"));
    writeFileSync(at("a.bin"), new Uint8Array(10));
    await expect(source.read(0, 100)).rejects.toThrow(/ended at byte 10: it changed while it was read/);
    await source.close();
  });
});

describe("fileSink", () => {
  it("writes a file that appears when it is complete", async () => {
    writeFileSync(at("model.safetensors"), shard("a.weight"));
    const model = await openModel(at("model.safetensors"));
    const sink = await fileSink(at("quantized.safetensors"));
    expect(readdirSync(folder)).toHaveLength(2);
    expect(readdirSync(folder)).not.toContain("quantized.safetensors");
    await quantizeModel(await load(), planModel(model), sink);
    expect(readdirSync(folder).sort()).toEqual(["model.safetensors", "quantized.safetensors"]);
    expect(new Uint8Array(readFileSync(at("quantized.safetensors")))).toEqual((await quantized(model)).file);
    await model.close();
  });

  it("leaves nothing when the run ends early", async () => {
    writeFileSync(at("model.safetensors"), shard("a.weight"));
    const model = await openModel(at("model.safetensors"));
    const sink = await fileSink(pathToFileURL(at("quantized.safetensors")));
    const run = quantizeModel(await load(), planModel(model), sink, { signal: AbortSignal.abort() });
    await expect(run).rejects.toBeInstanceOf(StoppedError);
    await model.close();
    expect(readdirSync(folder)).toEqual(["model.safetensors"]);
  });

  it("replaces a file only when asked to", async () => {
    writeFileSync(at("a"), "old");
    await expect(fileSink(at("a"))).rejects.toThrow(
      `${at("a")} exists; give another name, or overwrite: true to replace it`,
    );
    const sink = await fileSink(at("a"), { overwrite: true });
    await sink.write(0, new TextEncoder().encode("new"));
    expect(readFileSync(at("a"), "utf8")).toBe("old");
    await sink.close();
    expect(readFileSync(at("a"), "utf8")).toBe("new");
    expect(readdirSync(folder)).toEqual(["a"]);
  });

  it("does not replace a file that came in the meantime", async () => {
    const sink = await fileSink(at("a"));
    await sink.write(0, Uint8Array.of(1));
    writeFileSync(at("a"), "theirs");
    await expect(sink.close()).rejects.toThrow(/exists; give another name/);
    await sink.abort();
    expect(readFileSync(at("a"), "utf8")).toBe("theirs");
    expect(readdirSync(folder)).toEqual(["a"]);
  });

  it("does not take a link to nowhere for no file", async () => {
    symlinkSync(at("nowhere"), at("link"));
    await expect(fileSink(at("link"))).rejects.toThrow(/exists/);
  });

  it("replaces files only", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    mkdirSync(at("folder"));
    for (const name of ["pipe", "folder"]) {
      await expect(fileSink(at(name), { overwrite: true })).rejects.toThrow(`${at(name)} exists and is not a file`);
    }
    expect(readdirSync(folder)).toEqual(["folder", "pipe"]);
  });

  it("leaves nothing where its thread is ended, once what it wrote is asked away", async () => {
    const sink = await fileSink(at("a"));
    await fileSink(at("a"), { overwrite: true }); // it finds that the other one still writes
    expect(readdirSync(folder)).toHaveLength(2);
    await removePartialFiles(at("a"));
    expect(readdirSync(folder)).toHaveLength(2);
    await removePartialFiles(at("a"), { own: true });
    expect(readdirSync(folder)).toEqual([]);
    await expect(sink.close()).rejects.toThrow(/ENOENT/);
  });

  it("takes names as long as the file system does, and finds what killed runs left of them", async () => {
    const [long, alike] = ["a", "b"].map((end) => at(`${"é".repeat(127)}${end}`));
    const [sink, other] = [await fileSink(long), await fileSink(alike)];
    expect(readdirSync(folder).every((name) => Buffer.byteLength(name) <= 255)).toBe(true);
    await removePartialFiles(long, { own: true });
    expect(readdirSync(folder)).toHaveLength(1);
    await expect(sink.close()).rejects.toThrow(/ENOENT/);
    await other.close();
    expect(readdirSync(folder)).toEqual([basename(alike)]);
  });

  it("says where it cannot write", async () => {
    await expect(fileSink(at("missing/a"))).rejects.toThrow(/ENOENT/);
  });
});

it("privateFileSink is of pages, and says what Node has", async () => {
  await expect(privateFileSink("a")).rejects.toThrow(/cannot be written here \(.+\): use .* in Node fileSink\(\)$/);
});
