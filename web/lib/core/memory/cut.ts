import type { Extents } from "./extents.js";

/**
 * The extents of a tensor, or of a part of one, with the sizes of the tensor's panels and blocks. A part keeps these
 * sizes, since error figures are summed by block and panel.
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
  /** The index of its first scale. */
  readonly scale: number;
  readonly channels: number;
  /** Its weights. One block is handled while it is staged; several blocks pass twice. */
  readonly blocks: readonly Block[];
}

/** Some of the weights of all channels of a panel, few enough to be staged. */
export interface Block {
  /** The index of its first row, counted through all pieces, and the number of its rows. */
  readonly row: number;
  readonly outer: number;
  /** The place where it begins in each row. */
  readonly column: number;
  readonly channels: number;
  readonly inner: number;
}

/** The panels of a part in the order of the scales. */
export function* panelsOf(part: Part): Generator<Panel> {
  for (let i = 0; i < panelCount(part); i++) yield panelAt(part, i);
}

export function panelCount({ pieces, channels, panelChannels }: Part): number {
  return pieces * Math.ceil(channels / panelChannels);
}

/** A panel by its place in the order of the scales. A loop over them takes less time than a generator. */
export function panelAt(part: Part, i: number): Panel {
  const { outer, channels, inner, panelChannels, blockRows, blockInner } = part;
  const perPiece = Math.ceil(channels / panelChannels);
  const piece = Math.floor(i / perPiece);
  const first = (i - piece * perPiece) * panelChannels;
  const width = Math.min(panelChannels, channels - first);
  const blocks: Block[] = [];
  for (let row = 0; row < outer; row += blockRows) {
    for (let column = 0; column < inner; column += blockInner) {
      blocks.push({
        row: piece * outer + row,
        outer: Math.min(blockRows, outer - row),
        column: first * inner + column,
        channels: width,
        inner: Math.min(blockInner, inner - column),
      });
    }
  }
  return { scale: piece * channels + first, channels: width, blocks };
}
