import { shownName } from "channelwise/models";
import { bytes, duration, shortened } from "./format.js";
import { clearedLine, type Stream, styled, widthOf } from "./terminal.js";

/** Nobody can read lines that change faster. */
const REDRAW_MS = 100;
/** The time over which the rate is measured. */
const WINDOW_MS = 5000;
const BAR_WIDTH = 28;

/** A line with a bar, the rate and the time left, redrawn in place. Outside of a terminal it shows nothing. */
export class ProgressBar {
  readonly #stream: Stream;
  /** The times and progress within that window. */
  readonly #samples: { time: number; done: number }[];
  #drawn = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
    this.#samples = [{ time: performance.now(), done: 0 }];
  }

  /** @param done and `total` are bytes */
  update(done: number, total: number, what: string): void {
    const time = performance.now();
    if (!this.#stream.isTerminal || (time - this.#drawn < REDRAW_MS && done < total)) return;
    this.#drawn = time;
    const samples = this.#samples;
    samples.push({ time, done });
    while (samples.length > 2 && time - samples[0].time > WINDOW_MS) samples.shift();
    this.#stream.write(`\r${this.#line(done, total, what)}\x1b[K`);
  }

  /** Removes the line. */
  clear(): void {
    if (this.#drawn > 0) this.#stream.write(clearedLine);
    this.#drawn = 0;
  }

  #line(done: number, total: number, what: string): string {
    const share = total === 0 ? 1 : done / total;
    const [first, last] = [this.#samples[0], this.#samples.at(-1) ?? this.#samples[0]];
    const seconds = (last.time - first.time) / 1000;
    const rate = seconds > 0 ? (last.done - first.done) / seconds : 0;

    const filled = Math.round(BAR_WIDTH * share);
    const percent = `${Math.floor(100 * share)} %`.padStart(5);
    const facts = [`${bytes(done)} of ${bytes(total)}`, `${bytes(rate)}/s`];
    if (rate > 0) facts.push(`${duration((total - done) / rate)} left`);
    const text = `${percent}  ${facts.join("  ")}`;
    const room = widthOf(this.#stream) - 1 - BAR_WIDTH - 2 - text.length - 2;
    const name = room >= 16 ? `  ${shortened(shownName(what), room)}` : "";
    const bar = styled(this.#stream, "cyan", "━".repeat(filled));
    const rest = styled(this.#stream, "dim", "─".repeat(BAR_WIDTH - filled));
    return `${bar}${rest} ${text}${styled(this.#stream, "dim", name)}`;
  }
}
