import { load } from "channelwise";
import {
  type Budget,
  type Mix,
  measureModel,
  measureWays,
  mixesOf,
  outputBytes,
  planModel,
  type Rules,
  type Settings,
} from "channelwise/models";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lowerHull, type Point, stepsInOrder } from "../../../dist/models/mix/hulls.js";
import { uniform } from "../random.js";
import { openSafetensors, quantized } from "./run.js";
import { fileOf, type TensorToWrite } from "./safetensors-file.js";

const channelwise = await load();

describe("the steps over hulls", () => {
  const point = fc.record({ bytes: fc.integer({ min: 1, max: 30 }), cost: fc.integer({ min: 0, max: 100 }) });
  const things = fc.array(fc.array(point, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 });
  const sum = (points: readonly Point[], key: keyof Point) => points.reduce((all, each) => all + each[key], 0);

  /** All mixes there are. */
  const allOf = (things: readonly (readonly Point[])[]): Point[][] =>
    things.reduce<Point[][]>((mixes, points) => mixes.flatMap((mix) => points.map((each) => [...mix, each])), [[]]);

  it("pass through mixes of which none is better in as many bytes", () => {
    fc.assert(
      fc.property(things, (things) => {
        const hulls = things.map(lowerHull);
        const mix = things.map((points, i) => points[hulls[i][0]]);
        const all = allOf(things);
        const expectBest = () => {
          const bytes = sum(mix, "bytes");
          const best = Math.min(...all.filter((each) => sum(each, "bytes") <= bytes).map((each) => sum(each, "cost")));
          expect(sum(mix, "cost")).toBe(best);
        };
        expectBest();
        for (const { thing, way, bytes } of stepsInOrder(things, hulls)) {
          expect(bytes).toBe(things[thing][way].bytes - mix[thing].bytes);
          mix[thing] = things[thing][way];
          expectBest();
        }
        expect(sum(mix, "cost")).toBe(Math.min(...all.map((each) => sum(each, "cost"))));
      }),
    );
  });
});

/** Rows whose weights spread more and more, so that tensors differ in what few bits cost them. */
function weights(rows: number, columns: number, seed: number): Float32Array {
  return uniform("float32", rows * columns, seed).map((weight) => weight ** (1 + 2 * (seed % 4)));
}

const tensor = (name: string, rows: number, columns: number, seed: number): TensorToWrite => ({
  name,
  dtype: "F32",
  shape: [rows, columns],
  data: weights(rows, columns, seed),
});

const names = ["q_proj", "k_proj", "v_proj", "o_proj"];
const attention = names.map((name, i) => tensor(`layers.0.self_attn.${name}.weight`, 64, 128, i + 1));
const layers = ["a", "b", "c"].map((name, i) => tensor(`layers.0.${name}.weight`, 64, 64 * (i + 2), i + 7));
const kept = [
  { name: "layers.0.norm.weight", dtype: "F32", shape: [64], data: uniform("float32", 64, 20) },
  tensor("lm_head.weight", 96, 64, 21),
];
const open = () => openSafetensors(fileOf([...attention, ...layers, ...kept]));

const rules: Rules = { dialect: "compressed-tensors" };

const figures = ({ byteLength, sqnr, worst }: Mix) => ({ byteLength, sqnr, worst });

describe("mixesOf", () => {
  it("gives what the plan of its rules has, and the file that comes of it", async () => {
    const model = await open();
    const mixes = mixesOf(await measureWays(channelwise, model, undefined, rules));
    expect(mixes.count).toBeGreaterThan(6);
    for (let place = 0; place < mixes.count; place++) {
      const mix = mixes.at(place);
      const plan = planModel(model, mix.rules);
      expect(mix.byteLength).toBe(outputBytes(plan));
      const measured = (await measureModel(channelwise, plan)).filter((each) => each.quantize);
      expect(measured).toHaveLength(7);
      const losses = measured.map(({ sqnr }) => 10 ** (-sqnr / 10));
      expect(mix.sqnr).toBeCloseTo(-10 * Math.log10(losses.reduce((a, b) => a + b) / 7), 10);
      expect(mix.worst?.sqnr).toBe(Math.min(...measured.map(({ sqnr }) => sqnr)));
      const bytes = measured.reduce((all, { bytesAfter }) => all + bytesAfter, 0);
      const size = model.tensors.slice(0, 7).reduce((all, { shape: [rows, columns] }) => all + rows * columns, 0);
      expect(mix.bitsPerWeight).toBe((bytes * 8) / size);
    }
    const all = Array.from({ length: mixes.count }, (_, place) => mixes.at(place));
    expect(all.map(({ byteLength }) => byteLength)).toEqual(
      all.map(({ byteLength }) => byteLength).sort((a, b) => a - b),
    );
    const { byteLength, rules: best } = all[all.length - 1];
    expect((await quantized(model, best)).file.byteLength).toBe(byteLength);
  });

  it("spends all bytes that it is given, and no more", async () => {
    const ways = await measureWays(channelwise, await open(), undefined, rules);
    const mixes = mixesOf(ways);
    const [least, most] = [mixes.at(0).byteLength, mixes.at(mixes.count - 1).byteLength];
    for (let bytes = least; bytes <= most + 500; bytes += 499) {
      expect(mixes.within({ bytes }).byteLength).toBeLessThanOrEqual(bytes);
    }
    expect(figures(mixes.within({ bytes: 1e9 }))).toEqual(figures(mixes.at(mixes.count - 1)));
    expect(figures(mixes.within({ bytes: least }))).toEqual(figures(mixes.at(0)));
    for (let place = 0; place < mixes.count; place++) {
      const { bitsPerWeight } = mixes.at(place);
      expect(mixes.within({ bitsPerWeight }).bitsPerWeight).toBe(bitsPerWeight);
    }
  });

  it("is better than one setting for all in as many bytes", async () => {
    const many = Array.from({ length: 30 }, (_, i) => tensor(`layers.${i}.up.weight`, 32, 32 * (4 + (i % 5)), i));
    const model = await openSafetensors(fileOf(many));
    const lossOf = async (given: Rules) => {
      const decisions = await measureModel(channelwise, planModel(model, given));
      return decisions.reduce((sum, each, i) => {
        const size = model.tensors[i].shape.reduce((a, b) => a * b);
        return sum + (each.quantize ? Math.sqrt(size) * 10 ** (-each.sqnr / 10) : 0);
      }, 0);
    };
    const same: Rules = { ...rules, bits: 4, granularity: { group: 32 }, scales: "positive-search" };
    const mixes = mixesOf(await measureWays(channelwise, model, undefined, rules));
    const mix = mixes.within({ bitsPerWeight: 5 }); // four bytes for each scale
    expect(await lossOf(mix.rules)).toBeLessThan(0.95 * (await lossOf(same)));
  });

  it("reaches an SQNR with the first mix that has it, or says what the best has", async () => {
    const mixes = mixesOf(await measureWays(channelwise, await open(), undefined, rules));
    for (let place = 0; place < mixes.count; place++) {
      const { sqnr } = mixes.at(place);
      const first = Array.from({ length: mixes.count }, (_, i) => mixes.at(i)).find((mix) => mix.sqnr >= sqnr) as Mix;
      expect(figures(mixes.within({ sqnr }))).toEqual(figures(first));
    }
    const best = mixes.at(mixes.count - 1).sqnr.toFixed(2);
    expect(() => mixes.within({ sqnr: 200 })).toThrow(`sqnr is 200, which no mix meets: the best has ${best} dB`);
  });

  it("takes the fewest bytes for each tensor that reaches an SQNR, and the best where none does", async () => {
    const model = await open();
    const mixes = mixesOf(await measureWays(channelwise, model, undefined, rules));
    for (const sqnrEach of [10, 25, 40]) {
      const { rules: chosen } = mixes.within({ sqnrEach });
      const decisions = planModel(model, chosen).decisions;
      for (const bits of [4, 8]) {
        for (const granularity of ["channel", { group: 128 }, { group: 32 }] as const) {
          const other = planModel(model, { ...rules, bits, granularity, scales: "positive-search" });
          const errors = await measureModel(channelwise, other);
          for (const [i, decision] of decisions.entries()) {
            const each = errors[i];
            // The three that are joined are judged by the worst of them.
            if (i < 3 || !decision.quantize || !each.quantize) continue;
            if (each.bytesAfter < decision.bytesAfter) expect(each.sqnr).toBeLessThan(sqnrEach);
          }
        }
      }
      const measured = (await measureModel(channelwise, planModel(model, chosen))).filter((each) => each.quantize);
      for (const each of measured) if (each.scheme.bits < 8) expect(each.sqnr).toBeGreaterThanOrEqual(sqnrEach);
    }
  });

  it("gives one way to tensors that readers join", async () => {
    const model = await open();
    const mixes = mixesOf(await measureWays(channelwise, model, undefined, rules));
    for (let place = 0; place < mixes.count; place++) {
      const plan = planModel(model, mixes.at(place).rules);
      expect(plan.warnings).toEqual([]);
      const [q, k, v] = plan.decisions.map((each) => each.quantize && each.scheme);
      expect(k).toEqual(q);
      expect(v).toEqual(q);
    }
  });

  it("leaves alone what rules say of single tensors", async () => {
    const model = await open();
    const own: Rules = {
      ...rules,
      overrides: { "*.b.weight": { bits: 8, granularity: "channel" }, "*.c.weight": { keep: true } },
      tensors: new Map([[4, { bits: 4, granularity: { group: 32 } }]]),
    };
    const mixes = mixesOf(await measureWays(channelwise, model, undefined, own));
    for (let place = 0; place < mixes.count; place++) {
      const { decisions } = planModel(model, mixes.at(place).rules);
      const scheme = (i: number) => (decisions[i].quantize ? decisions[i].scheme : undefined);
      expect(scheme(4)).toMatchObject({ bits: 4, granularity: { group: 32, along: 1 } });
      expect(scheme(5)).toMatchObject({ bits: 8, granularity: "channel" });
      expect(decisions[6]).toMatchObject({ quantize: false, reason: "kept by an override" });
      expect(decisions[8]).toMatchObject({ quantize: false });
    }
  });

  it("has the ways that are given", async () => {
    const model = await open();
    const given: Settings[] = [{ bits: 3 }, { bits: 8 }, { bits: 12, granularity: "tensor" }];
    const ways = await measureWays(channelwise, model, given);
    const mixes = mixesOf(ways);
    const best = planModel(model, mixes.at(mixes.count - 1).rules).decisions.flatMap((each) =>
      each.quantize ? [each.scheme.bits] : [],
    );
    expect(new Set(best)).toEqual(new Set([12]));
    await expect(measureWays(channelwise, model, [])).rejects.toThrow("ways must be an array of settings");
    await expect(measureWays(channelwise, model, [{ bit: 3 } as Settings])).rejects.toThrow("ways[0]");
  });

  it("refuses budgets that are wrong or too small", async () => {
    const mixes = mixesOf(await measureWays(channelwise, await open(), undefined, rules));
    const least = mixes.at(0);
    for (const [budget, message] of [
      [{ bytes: 1000 }, `bytes is 1000, which no mix meets: the smallest takes ${least.byteLength} bytes`],
      [
        { bitsPerWeight: 1 },
        `bitsPerWeight is 1, which no mix meets: the smallest takes ${least.bitsPerWeight.toFixed(3)}`,
      ],
      [{}, "budget must have one of bytes, bitsPerWeight, sqnr, sqnrEach, not 0 of them"],
      [{ bytes: 1, sqnr: 2 }, "not 2 of them"],
      [{ bytes: "1" }, 'budget.bytes is "1"; it must be a number'],
      [{ sqnr: Number.NaN }, "budget.sqnr is NaN"],
      [{ size: 1 }, "size"],
    ] as [Budget, string][]) {
      expect(() => mixes.within(budget)).toThrow(message);
    }
    for (const place of [-1, mixes.count, 0.5]) expect(() => mixes.at(place)).toThrow(`place is ${place}`);
  });

  it("refuses a model of which nothing is quantized", async () => {
    const model = await openSafetensors(fileOf(kept.slice(0, 1)));
    const ways = await measureWays(channelwise, model);
    expect(() => mixesOf(ways)).toThrow("has no tensor that any of the ways quantizes");
  });

  it("tells progress over all ways, and ends when it is told to", async () => {
    const shares: number[] = [];
    const model = await open();
    await measureWays(channelwise, model, undefined, rules, {
      onProgress: ({ done, total }) => shares.push(done / total),
    });
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(measureWays(channelwise, model, undefined, rules, { signal })).rejects.toThrow("enough");
  });
});
