import type { ModelTensor } from "channelwise/models";

/** Rows lie together in as many places, spread over the tensor: neighbours are alike. */
const PLACES = 8;

/**
 * Some rows of a tensor, whole and spread evenly, as a matrix. A tensor that has no more weights stays as it is.
 *
 * @param most the number of weights, of which there are some more where rows are long
 * @param size the bytes of a weight
 */
export function sampled(tensor: ModelTensor, most: number, size: number): ModelTensor {
  const { shape } = tensor;
  const columns = shape[shape.length - 1];
  const rows = tensor.byteLength / size / columns;
  const run = Math.max(1, Math.floor(most / columns / PLACES));
  if (shape.length < 2 || rows <= PLACES * run) return tensor;
  const runBytes = run * columns * size;
  const firstOf = (place: number) => Math.floor((place * (rows - run)) / (PLACES - 1)) * columns * size;
  return {
    ...tensor,
    shape: [PLACES * run, columns],
    byteLength: PLACES * runBytes,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const place = Math.floor((offset + done) / runBytes);
        const within = offset + done - place * runBytes;
        const some = Math.min(length - done, runBytes - within);
        bytes.set(await tensor.read(firstOf(place) + within, some), done);
        done += some;
      }
      return bytes;
    },
  };
}
