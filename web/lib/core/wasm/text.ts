/**
 * The characters of a text that carries bytes, six bits each. Minified JavaScript has most of them often, so gzip needs
 * fewer bits for them than for those of base64. Quotes, backslashes, $ and < would be in the way in some places.
 */
export const characters = "etrn ,ois()a=lfuc.h:{}d;ywmpgb01[]A&?+v62E!*8zx3|M#q4SFkU-TROIP/";

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const sixBits = (i: number) => characters.indexOf(text[Math.floor(i)] as string);
  return Uint8Array.from(
    { length: (text.length * 3) >> 2 },
    (_, i) => ((sixBits((i * 4) / 3) << 6) | sixBits((i * 4) / 3 + 1)) >> (4 - (i % 3) * 2),
  );
}

/** A text that carries bytes. */
export function textOf(bytes: Uint8Array): string {
  const sixBits = (i: number) => {
    const at = Math.floor((i * 3) / 4);
    return ((((bytes[at] as number) << 8) | (bytes[at + 1] ?? 0)) >> (10 - ((i * 6) % 8))) & 63;
  };
  return Array.from({ length: Math.ceil((bytes.length * 4) / 3) }, (_, i) => characters[sixBits(i)]).join("");
}
