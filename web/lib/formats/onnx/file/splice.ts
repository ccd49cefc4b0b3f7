import { bytesHead, type Message, type Span } from "./wire.js";

// Makes a changed copy of a file from parts of the original and new parts between them.

/** Bytes of a known number that are made while the file is written. */
export interface Later {
  readonly length: number;
}

export type Part = Span | Uint8Array | Later;

/** New content for the fields of a message from `start` to `end`. Where both are the same, it is inserted there. */
export interface Edit extends Span {
  readonly message: Message;
  readonly parts: readonly Part[];
}

export function lengthOf(part: Part): number {
  return "length" in part ? part.length : part.end - part.start;
}

export function totalLength(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + lengthOf(part), 0);
}

/** The parts of the changed file. Only edits, and the lengths of the messages around them, differ from the original. */
export function splice(file: Message, edits: readonly Edit[]): Part[] {
  const changed = new Map<Message, { edits: Edit[]; inner: Set<Message> }>();
  const changesOf = (message: Message) => {
    let changes = changed.get(message);
    if (changes === undefined) {
      changes = { edits: [], inner: new Set() };
      changed.set(message, changes);
      if (message.parent) changesOf(message.parent).inner.add(message);
    }
    return changes;
  };
  for (const edit of edits) changesOf(edit.message).edits.push(edit);

  const contentOf = (message: Message): Part[] => {
    const { edits, inner } = changesOf(message);
    const pieces = [
      ...edits,
      ...[...inner].map((child) => ({ start: child.at, end: child.end, parts: fieldOf(child) })),
    ].sort((a, b) => a.start - b.start || a.end - b.end);
    const parts: Part[] = [];
    let at = message.start;
    for (const { start, end, parts: replaced } of pieces) {
      if (start > at) parts.push({ start: at, end: start });
      for (const part of replaced) parts.push(part);
      at = end;
    }
    if (message.end > at) parts.push({ start: at, end: message.end });
    return parts;
  };
  const fieldOf = (message: Message): Part[] => {
    const content = contentOf(message);
    return [Uint8Array.from(bytesHead(message.id, totalLength(content))), ...content];
  };
  return joined(contentOf(file));
}

/** Joins consecutive new bytes into one part, so that they are written at once. */
function joined(parts: readonly Part[]): Part[] {
  const result: Part[] = [];
  let run: Uint8Array[] = [];
  const finishRun = () => {
    if (run.length === 0) return;
    const bytes = new Uint8Array(totalLength(run));
    let at = 0;
    for (const part of run) {
      bytes.set(part, at);
      at += part.length;
    }
    result.push(bytes);
    run = [];
  };
  for (const part of parts) {
    if (part instanceof Uint8Array) run.push(part);
    else {
      finishRun();
      result.push(part);
    }
  }
  finishRun();
  return result;
}
