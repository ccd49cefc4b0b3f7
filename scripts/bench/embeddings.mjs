// npm run bench:embeddings: searches over 100,000 and 1,000,000 vectors of 384 dimensions, beside a copy of the codes, plain
// JavaScript and what npm has. One thread; all take turns in one process, and the fastest of their turns counts. --quick
// leaves the million out, --only takes of the others those whose names match a regular expression.

import { options } from "./command-line.mjs";
import { peers } from "./embedding-peers.mjs";
import { build, machine } from "./library.mjs";

build();
// The library is there only by now.
const { load } = await import("channelwise/embeddings");
const embeddings = await load();

const dimensions = 384;
const turns = 15;
/** Queries that share a reading. */
const together = 16;

/**
 * Vectors of length 1 whose numbers are nearly normal, and the same as others take them.
 * @param {number} count
 * @returns {import("./embedding-peers.mjs").Vectors}
 */
function vectorsOf(count) {
  let state = 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  };
  const floats = new Float32Array(count * dimensions);
  for (let at = 0; at < floats.length; at += dimensions) {
    let squares = 0;
    for (let d = 0; d < dimensions; d++) {
      const x = next() + next() + next();
      floats[at + d] = x;
      squares += x * x;
    }
    const length = Math.sqrt(squares);
    for (let d = 0; d < dimensions; d++) floats[at + d] /= length;
  }
  // Int8Array.from would list the 384 million numbers first, for which the heap has no room.
  const bytes = new Int8Array(floats.length);
  for (let i = 0; i < floats.length; i++) bytes[i] = Math.max(-127, Math.min(127, Math.round(floats[i] * 512)));
  const bits = new Uint8Array(floats.length / 8);
  for (let i = 0; i < floats.length; i++) if (floats[i] > 0) bits[i >> 3] |= 0x80 >> (i & 7);
  return { count, dimensions, floats, bytes, bits };
}

/**
 * The 10 closest by float32, in plain JavaScript with four sums a row: nothing faster was found.
 * @param {import("./embedding-peers.mjs").Vectors} vectors
 * @param {number} query
 */
function plainSearch({ count, floats }, query) {
  const places = new Uint32Array(10);
  const scores = new Float64Array(10).fill(-Infinity);
  const asked = floats.slice(query * dimensions, (query + 1) * dimensions);
  for (let v = 0, at = 0; v < count; v++, at += dimensions) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let d = 0; d < dimensions; d += 4) {
      s0 += asked[d] * floats[at + d];
      s1 += asked[d + 1] * floats[at + d + 1];
      s2 += asked[d + 2] * floats[at + d + 2];
      s3 += asked[d + 3] * floats[at + d + 3];
    }
    const score = s0 + s1 + (s2 + s3);
    if (score <= scores[9]) continue;
    let i = 9;
    for (; i > 0 && scores[i - 1] < score; i--) {
      scores[i] = scores[i - 1];
      places[i] = places[i - 1];
    }
    scores[i] = score;
    places[i] = v;
  }
  return { places, scores };
}

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {string} codes
 * @property {(query: number) => unknown} run
 * @property {number} [queries] how many one run answers
 * @property {string} [copy] of which codes a copy is the limit
 */

/** @param {number} count */
async function measure(count) {
  const vectors = vectorsOf(count);
  /** @type {Contender[]} */
  const contenders = [];
  const settings = {
    int8: { precision: "int8" },
    "int8, unit, dot": { precision: "int8", scaling: "unit", metric: "dot" },
    int4: { precision: "int4" },
    "int4, group": { precision: "int4", scaling: "group" },
    binary: { precision: "binary" },
  };
  /** Bytes of the codes of a vector. */
  const bytes = { int8: 384, int4: 192, binary: 48 };
  for (const [codes, each] of Object.entries(bytes)) {
    const [from, to] = [new Uint8Array(count * each).fill(1), new Uint8Array(count * each)];
    contenders.push({ name: "copy of the codes", codes, run: () => to.set(from) });
  }
  for (const [codes, setting] of Object.entries(settings)) {
    const index = embeddings.createIndex(
      /** @type {import("channelwise/embeddings").IndexOptions} */ ({ dimensions, ...setting }),
    );
    index.add(vectors.floats);
    /** @param {number} from @param {number} size */
    const rows = (from, size) => vectors.floats.subarray(from * dimensions, (from + size) * dimensions);
    const copy = setting.precision;
    contenders.push({ name: "channelwise", codes, copy, run: (query) => index.search(rows(query, 1)) });
    const run = (/** @type {number} */ query) => index.searchAll(rows(query, together));
    contenders.push({ name: `channelwise, ${together} queries together`, codes, queries: together, run });
  }
  const plain = {
    name: "plain JavaScript",
    codes: "float32",
    run: (/** @type {number} */ query) => plainSearch(vectors, query),
  };
  contenders.push(plain);
  for (const { name, codes, most, fill } of peers) {
    if (!new RegExp(options.only).test(name)) continue;
    if (count > most) {
      console.error(`${name}, ${codes}: left out, as more than ${most} vectors do not fit or take it minutes to add`);
      continue;
    }
    console.error(`${name}, ${codes}: adding`);
    try {
      contenders.push({ name, codes, run: await fill(vectors) });
    } catch (error) {
      console.error(`${name}, ${codes}: does not run here: ${error}`);
    }
  }

  const best = new Map(contenders.map((contender) => [contender, Infinity]));
  for (let turn = 0; turn < turns + 2; turn++) {
    for (const contender of contenders) {
      // Some turns are enough of what takes long.
      if (turn > 8 && /** @type {number} */ (best.get(contender)) > 400) continue;
      const start = performance.now();
      await contender.run(turn * together);
      const time = (performance.now() - start) / (contender.queries ?? 1);
      // The first turns warm up.
      if (turn >= 2) best.set(contender, Math.min(/** @type {number} */ (best.get(contender)), time));
    }
  }
  return { contenders, best, plain };
}

console.log(
  `Node ${process.versions.node}, ${machine()}; ms a query for the 10 closest, the fastest of ${turns} turns`,
);
for (const count of options.quick ? [1e5] : [1e5, 1e6]) {
  const { contenders, best, plain } = await measure(count);
  const timeOf = (/** @type {Contender} */ contender) => /** @type {number} */ (best.get(contender));
  console.log(`\n${count.toLocaleString("en")} x ${dimensions}\n`);
  console.log("| | codes | ms | x a copy of the codes | x faster than plain JavaScript |");
  console.log("| --- | --- | ---: | ---: | ---: |");
  for (const contender of contenders) {
    const { name, codes, copy } = contender;
    const time = timeOf(contender);
    const copied = contenders.find((other) => other.name.startsWith("copy") && other.codes === copy);
    const ratio = copied === undefined ? "" : (time / timeOf(copied)).toFixed(2);
    const faster = name.startsWith("copy") ? "" : (timeOf(plain) / time).toFixed(1);
    console.log(`| ${name} | ${codes} | ${time.toFixed(2)} | ${ratio} | ${faster} |`);
  }
  // Others are measured against the same codes; those with float32 against int8.
  const own = (/** @type {string} */ codes) =>
    Math.min(
      ...contenders
        .filter((each) => each.name === "channelwise" && each.codes.startsWith(codes === "float32" ? "int8" : codes))
        .map(timeOf),
    );
  const faster = contenders.filter((each) => !/^(channelwise|copy)/.test(each.name) && timeOf(each) < own(each.codes));
  const names = faster.map((each) => `${each.name}, ${each.codes} (${timeOf(each).toFixed(2)} ms)`);
  console.log(`\nfaster than channelwise: ${names.length === 0 ? "none" : names.join("; ")}`);
}
process.exit();
