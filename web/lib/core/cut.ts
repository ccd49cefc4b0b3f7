import type { Extents } from "./extents.js";

/**
 * The extents of a tensor, or of some of one, with the sizes of its panels and blocks. The sizes are the tensor's own:
 * whoever works on some of its panels or blocks keeps them, since the error figures are summed by block and panel.
 */
export interface Part extends Extents {
  readonly panelChannels: number;
  readonly blockRows: number;
  readonly blockInner: number;
}

/** Cuts panels of equal width, with as many channels as fit a block, and blocks of as many of a panel's rows as fit. */
export function cutExtents(
  { pieces, outer, channels, inner }: Extents,
  blockElements: number,
  channelLimit: number,
): Part {
  const most = Math.min(channelLimit, Math.max(1, Math.floor(blockElements / inner)));
  const panelChannels = Math.ceil(channels / Math.ceil(channels / most));
  const blockInner = Math.min(inner, blockElements);
  const blockRows = Math.min(outer, Math.floor(blockElements / (panelChannels * blockInner)));
  return { pieces, outer, channels, inner, panelChannels, blockRows, blockInner };
}

/** Some whole channels of a piece, few enough for their state to be held at a time. */
export interface Panel {
  /** Place of its first scale. */
  readonly scale: number;
  readonly channels: number;
  /** Its weights. If they are one block, everything is done while it is staged; if they are more, they pass twice. */
  readonly blocks: readonly Block[];
}

/** Some of the weights of all channels of a panel, few enough to be staged. */
export interface Block {
  /** Its first row, counted through all pieces, and how many there are. */
  readonly row: number;
  readonly outer: number;
  /** Where it begins in each row. */
  readonly column: number;
  readonly channels: number;
  readonly inner: number;
}

/** The panels of a part in the order of the scales. */
export function* panelsOf(part: Part): Generator<Panel> {
  const { pieces, outer, channels, inner, panelChannels, blockRows, blockInner } = part;
  for (let piece = 0; piece < pieces; piece++) {
    for (let first = 0; first < channels; first += panelChannels) {
      const width = Math.min(panelChannels, channels - first);
      const blocks: Block[] = [];
      for (let o = 0; o < outer; o += blockRows) {
        for (let i = 0; i < inner; i += blockInner) {
          blocks.push({
            row: piece * outer + o,
            outer: Math.min(blockRows, outer - o),
            column: first * inner + i,
            channels: width,
            inner: Math.min(blockInner, inner - i),
          });
        }
      }
      yield { scale: piece * channels + first, channels: width, blocks };
    }
  }
}
