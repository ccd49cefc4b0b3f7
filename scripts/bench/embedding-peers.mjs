// Other searches over vectors from the npm registry: tarballs that are fetched when they are wanted. Each takes vectors of
// length 1 and searches all of them, but for voy, which has a tree.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fetchTarball } from "../data.mjs";

/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {"float32" | "int8" | "binary"} codes what it searches
 * @property {number} most how many vectors it is given; more do not fit, or take minutes to add
 * @property {(vectors: Vectors) => Promise<(query: number) => unknown> | ((query: number) => unknown)} fill gives a search for the 10 closest to a vector
 *
 * @typedef {object} Vectors rows, one after the other
 * @property {number} count
 * @property {number} dimensions
 * @property {Float32Array} floats
 * @property {Int8Array} bytes
 * @property {Uint8Array} bits
 */

/** @type {Record<string, import("../data.mjs").NpmTarball>} */
const tarballs = {
  usearch: {
    name: "usearch",
    version: "2.26.2",
    integrity: "jz4MKg09LFn6CP/fh9MwY7NV3qQUcXrQIt92LV7CMx44AEnGP1QenhHReua3ETqzgoIYcISJ+SsDoX0DOpFh9Q==",
    folder: "prebuilds",
  },
  hnswlib: {
    name: "hnswlib-wasm",
    version: "0.8.2",
    integrity: "qEgKETj4rMOYRA1esP0bxVosw9Wrz5S/HvjI2FBWOXG5rf5/Es4OoEWGVvztFihDNU5if61l6QGhW5ILtt+PqA==",
    folder: ".",
  },
  // The one after it, 0.1.9, does not start in any environment.
  sqliteVec: {
    name: "sqlite-vec-wasm-demo",
    version: "0.1.7-alpha.2",
    integrity: "x8kmELAGfNSON/cu9k0q/wvp+82fCFwl8ifhy+4i9njaMATwR2CzLi3xzGopsEsG4fchvpYFrwS8gG0svsnsqg==",
    folder: ".",
  },
  edgevec: {
    name: "edgevec",
    version: "0.9.0",
    integrity: "Pwc4QcLUpvdWwG3hOoWhA99Co3adALQxSc8wrYEYNJoax5uy1Mx9dvT8kH2HPWToBXmV6YxaGYPUVM+uGF7v7w==",
    folder: ".",
  },
  voy: {
    name: "voy-search",
    version: "0.6.3",
    integrity: "GRwrXcT3Qmzr/CuwpwX55XWpgqM2hUqLipSwI8bGcfsDTJGa+mFxsOXzWHNMRpcYd+U2RP73f2USLDWQu5yFdQ==",
    folder: ".",
  },
  orama: {
    name: "@orama/orama",
    version: "3.1.18",
    integrity: "a61ljmRVVyG5MC/698C8/FfFDw5a8LOIvyOLW5fztgUXqUpc1jOfQzOitSCbge657OgXXThmY3Tk8fpiDb4UcA==",
    folder: ".",
  },
  clientVectorSearch: {
    name: "client-vector-search",
    version: "0.2.0",
    integrity: "+scE5bMx7eE4lvoQTewXAsBJdpqVQ4tG1LHxsn2Nh5HIDa6uiA5h8DgsY5e83PWEDePy47uhoJ9kmz9IYRQ+yA==",
    folder: ".",
  },
};

/** @param {string} peer @param {string} file */
async function pathOf(peer, file) {
  return join(await fetchTarball(tarballs[peer]), file);
}

/** @param {string} path */
const importFile = (path) => import(pathToFileURL(path).href);

/**
 * Imports what was built for browsers alone, as a worker of one does.
 * @template T
 * @param {() => Promise<T>} load
 * @param {{ hidesNode?: boolean }} [options] whether it looks for Node in order to refuse it
 * @returns {Promise<T>}
 */
async function asInWorker(load, { hidesNode = false } = {}) {
  const versions = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(process, "versions"));
  const ofWorker = { importScripts: () => {}, WorkerGlobalScope: class {}, location: new URL(import.meta.url) };
  Object.assign(globalThis, { self: globalThis, ...ofWorker });
  if (hidesNode) Object.defineProperty(process, "versions", { ...versions, value: {} });
  try {
    return await load();
  } finally {
    Object.defineProperty(process, "versions", versions);
    for (const name of ["self", ...Object.keys(ofWorker)]) Reflect.deleteProperty(globalThis, name);
  }
}

/** @param {Vectors} vectors @param {number} v */
const floatsOf = ({ floats, dimensions }, v) => floats.subarray(v * dimensions, (v + 1) * dimensions);
/** @param {Vectors} vectors @param {number} v */
const bytesOf = ({ bytes, dimensions }, v) => bytes.subarray(v * dimensions, (v + 1) * dimensions);
/** @param {Vectors} vectors @param {number} v */
const bitsOf = ({ bits, dimensions }, v) => bits.subarray((v * dimensions) / 8, ((v + 1) * dimensions) / 8);

/**
 * Native code over the arrays as they are: what can be had outside a browser. It has no exact search over bits.
 * @param {"floats" | "bytes"} array
 * @param {typeof floatsOf | typeof bytesOf} rowOf
 * @returns {Peer["fill"]}
 */
const fillUsearch = (array, rowOf) => async (vectors) => {
  const file = `${process.platform}-${process.arch}/usearch.node`;
  const { exactSearch } = createRequire(import.meta.url)(await pathOf("usearch", file));
  return (query) => exactSearch(vectors[array], rowOf(vectors, query).slice(), vectors.dimensions, 10, "ip", 1);
};

/**
 * @param {string} type of the column
 * @param {string} value how it is written in SQL
 * @param {typeof floatsOf | typeof bytesOf | typeof bitsOf} rowOf
 * @returns {Peer["fill"]}
 */
const fillSqlite = (type, value, rowOf) => async (vectors) => {
  const wasm = readFileSync(await pathOf("sqliteVec", "sqlite3.wasm"));
  const path = await pathOf("sqliteVec", "sqlite3.mjs");
  /** @param {WebAssembly.Imports} imports @param {(instance: WebAssembly.Instance, module: WebAssembly.Module) => void} done */
  const instantiateWasm = (imports, done) => {
    WebAssembly.instantiate(wasm, imports).then(({ instance, module }) => done(instance, module));
    return {};
  };
  const quiet = () => {};
  const start = async () => (await importFile(path)).default({ instantiateWasm, print: quiet, printErr: quiet });
  const sqlite3 = await asInWorker(start, { hidesNode: true });
  const database = new sqlite3.oo1.DB(":memory:");
  /** @param {number} v */
  const blob = (v) => {
    const row = rowOf(vectors, v);
    return new Uint8Array(row.buffer, row.byteOffset, row.byteLength).slice();
  };
  database.exec(`create virtual table v using vec0(e ${type}[${vectors.dimensions}]); begin`);
  const insert = database.prepare(`insert into v(rowid, e) values (?, ${value})`);
  for (let v = 0; v < vectors.count; v++) insert.bind(1, v).bind(2, blob(v)).stepReset();
  insert.finalize();
  database.exec("commit");
  const sql = `select rowid from v where e match ${value} and k = 10`;
  return (query) => database.selectValues(sql, [blob(query)]);
};

/** @type {Peer["fill"]} */
async function fillHnswlib(vectors) {
  const path = await pathOf("hnswlib", "dist/hnswlib-317962d7.js");
  const library = await asInWorker(async () => (await importFile(path)).default());
  const index = new library.BruteforceSearch("ip", vectors.dimensions);
  index.initIndex(vectors.count);
  for (let v = 0; v < vectors.count; v++) index.addPoint(floatsOf(vectors, v), v);
  return (query) => index.searchKnn(floatsOf(vectors, query), 10, undefined);
}

/** @type {Peer["fill"]} */
async function fillEdgevec(vectors) {
  const library = await importFile(await pathOf("edgevec", "edgevec.js"));
  await library.default({ module_or_path: readFileSync(await pathOf("edgevec", "edgevec_bg.wasm")) });
  const config = new library.EdgeVecConfig(vectors.dimensions);
  config.indexType = library.JsIndexType.Flat;
  config.vector_type = library.VectorType.Binary;
  config.setMetricType(library.MetricType.Hamming);
  const index = new library.EdgeVec(config);
  for (let v = 0; v < vectors.count; v++) index.insertBinary(bitsOf(vectors, v));
  return (query) => index.searchBinary(bitsOf(vectors, query), 10);
}

/** @type {Peer["fill"]} */
async function fillVoy(vectors) {
  const glue = await importFile(await pathOf("voy", "voy_search_bg.js"));
  const wasm = readFileSync(await pathOf("voy", "voy_search_bg.wasm"));
  const { instance } = await WebAssembly.instantiate(wasm, { "./voy_search_bg.js": glue });
  glue.__wbg_set_wasm(instance.exports);
  const embeddings = Array.from({ length: vectors.count }, (_, v) => ({
    id: String(v),
    title: "",
    url: "",
    embeddings: Array.from(floatsOf(vectors, v)),
  }));
  const index = new glue.Voy({ embeddings });
  return (query) => index.search(floatsOf(vectors, query), 10);
}

/** @type {Peer["fill"]} */
async function fillOrama(vectors) {
  const { create, insertMultiple, searchVector } = await importFile(await pathOf("orama", "dist/esm/index.js"));
  const database = create({ schema: { e: `vector[${vectors.dimensions}]` } });
  const rows = Array.from({ length: vectors.count }, (_, v) => ({
    id: String(v),
    e: Array.from(floatsOf(vectors, v)),
  }));
  await insertMultiple(database, rows, vectors.count);
  return (query) => {
    const vector = { value: Array.from(floatsOf(vectors, query)), property: "e" };
    return searchVector(database, { vector, similarity: 0, limit: 10 });
  };
}

/** @type {Peer["fill"]} */
async function fillClientVectorSearch(vectors) {
  const { build } = await import("esbuild");
  const path = await pathOf("clientVectorSearch", "dist/index.mjs");
  // What it needs to make embeddings of texts and to store them is left out: nothing here calls it.
  const unused = ["@xenova/transformers", "@msgpack/msgpack", "lru-cache"];
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    plugins: [
      {
        name: "unused",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^[^./]/ }, ({ path }) =>
            unused.includes(path) ? { path, namespace: "unused" } : undefined,
          );
          const contents = "export class LRUCache {}; export const encode = null, decode = null, pipeline = null;";
          onLoad({ filter: /.*/, namespace: "unused" }, () => ({ contents }));
        },
      },
    ],
  });
  const { EmbeddingIndex } = await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`
  );
  const index = new EmbeddingIndex(
    Array.from({ length: vectors.count }, (_, id) => ({ id, embedding: Array.from(floatsOf(vectors, id)) })),
  );
  return (query) => index.search(Array.from(floatsOf(vectors, query)), { topK: 10 });
}

/** @type {Peer[]} */
export const peers = [
  { name: "usearch (native)", codes: "float32", most: 1e6, fill: fillUsearch("floats", floatsOf) },
  { name: "usearch (native)", codes: "int8", most: 1e6, fill: fillUsearch("bytes", bytesOf) },
  { name: "hnswlib-wasm, brute force", codes: "float32", most: 1e5, fill: fillHnswlib },
  { name: "sqlite-vec, wasm", codes: "float32", most: 1e5, fill: fillSqlite("float", "?", floatsOf) },
  { name: "sqlite-vec, wasm", codes: "int8", most: 1e5, fill: fillSqlite("int8", "vec_int8(?)", bytesOf) },
  { name: "sqlite-vec, wasm", codes: "binary", most: 1e5, fill: fillSqlite("bit", "vec_bit(?)", bitsOf) },
  { name: "edgevec, flat", codes: "binary", most: 1e6, fill: fillEdgevec },
  { name: "orama", codes: "float32", most: 1e5, fill: fillOrama },
  { name: "client-vector-search", codes: "float32", most: 1e5, fill: fillClientVectorSearch },
  { name: "voy, a tree", codes: "float32", most: 3e4, fill: fillVoy },
];
