import { expect, test } from "vitest";
import guide from "../../../docs/embeddings.md?raw";
import { openDocuments } from "./documents.js";
import code from "./documents.ts?raw";

/** Counts of letters: a small model that knows which texts are spelt alike. */
async function embed(texts: string[]): Promise<Float32Array> {
  const vectors = new Float32Array(texts.length * 26);
  texts.forEach((text, i) => {
    for (const letter of text.toLowerCase().replace(/[^a-z]/g, "")) vectors[26 * i + letter.charCodeAt(0) - 97]++;
  });
  return vectors;
}

test("the example of the guide keeps documents in IndexedDB and finds them", async () => {
  expect(guide).toContain(code);
  const documents = await openDocuments(embed, 26);
  await documents.add(["The whale swims in the sea.", "Bread needs flour, water and salt.", "Zebras have stripes."]);
  await documents.add(["A quick fox jumps."]);
  documents.close();

  const again = await openDocuments(embed, 26);
  const [first, second] = await again.textsFor("Does bread need water and salt?", 2);
  expect(first.text).toBe("Bread needs flour, water and salt.");
  expect(first.score).toBeGreaterThan(second.score);
  expect((await again.textsFor("quick fox", 1))[0].text).toBe("A quick fox jumps.");
  again.close();
});
