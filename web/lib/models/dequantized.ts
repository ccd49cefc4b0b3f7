import { makePlan } from "../core/plan.js";
import type { Channelwise } from "../core/types.js";
import { unpackCodes, wordsOf } from "../storage/words.js";
import type { AnyChannelwise } from "../stream/runner.js";
import { bytesPerElement, type FloatDtype } from "../tensor/dtypes.js";
import { floatsOf } from "../tensor/floats.js";
import type { QuantizedTensor } from "./inspect-model.js";

/** Weights that are made at a time. */
const STRETCH_ELEMENTS = 2 ** 20;

/** Some neighbouring weights: `outer` times `channels` times `inner` of them, whose scales begin at place `scale`. */
interface Stretch {
  readonly start: number;
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
  readonly scale: number;
}

/** Cuts a tensor into neighbouring weights, as few stretches as hold at most `most` each. */
export function* stretchesOf(
  { shape, axis, granularity }: QuantizedTensor,
  most = STRETCH_ELEMENTS,
): Generator<Stretch> {
  const { pieces, outer, channels, inner } = makePlan(shape, axis, granularity);
  const row = channels * inner;
  for (let piece = 0; piece < pieces; piece++) {
    const scale = piece * channels;
    const rows = Math.max(1, Math.floor(most / row));
    for (let o = 0; o < outer; o += rows) {
      const start = (piece * outer + o) * row;
      if (row <= most) {
        yield { start, outer: Math.min(rows, outer - o), channels, inner, scale };
        continue;
      }
      const width = Math.max(1, Math.floor(most / inner));
      for (let c = 0; c < channels; c += width) {
        const some = Math.min(width, channels - c);
        for (let i = 0; i < inner; i += most) {
          const length = Math.min(most, inner - i);
          yield { start: start + c * inner + i, outer: 1, channels: some, inner: length, scale: scale + c };
        }
      }
    }
  }
}

/** The weights that a quantized tensor stands for, a stretch at a time: code * scale. */
export async function* dequantized(channelwise: AnyChannelwise, tensor: QuantizedTensor) {
  const { dequantize } = channelwise as Channelwise; // that of workers gives a promise of the same
  const scaleDtype = tensor.scales.dtype as FloatDtype;
  const scaleSize = bytesPerElement(scaleDtype);
  for (const { start, outer, channels, inner, scale } of stretchesOf(tensor)) {
    const quantized = await readCodes(tensor, start, outer * channels * inner);
    const scales = floatsOf(await tensor.scales.read(scale * scaleSize, channels * scaleSize), scaleDtype);
    const shape = [outer, channels, inner];
    yield { start, values: await dequantize({ quantized, scales, shape, axis: 1 }) };
  }
}

async function readCodes({ codes, packed, shape }: QuantizedTensor, start: number, count: number) {
  if (packed !== undefined) {
    const columns = shape[1];
    const words = wordsOf(start, count, columns, packed);
    const bytes = await codes.read(4 * words.first, 4 * words.count);
    return unpackCodes(new Uint32Array(bytes.buffer), start, count, columns, packed);
  }
  const size = bytesPerElement(codes.dtype);
  const { buffer } = await codes.read(start * size, count * size);
  return size === 1 ? new Int8Array(buffer) : new Int16Array(buffer);
}
