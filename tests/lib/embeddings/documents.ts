import { load } from "channelwise/embeddings";

const embeddings = await load();

/** A request of IndexedDB as a promise. */
function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** `embed` gives a vector for each text, one after the other: with transformers.js, or from a server. */
export async function openDocuments(embed: (texts: string[]) => Promise<Float32Array>, dimensions: number) {
  const opening = indexedDB.open("documents", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("parts");
  const database = await done(opening);
  const store = (mode: IDBTransactionMode) => database.transaction("parts", mode).objectStore("parts");

  const saved: ArrayBuffer | undefined = await done(store("readonly").get("index"));
  const texts: string[] = (await done(store("readonly").get("texts"))) ?? [];
  const index = saved ? embeddings.loadIndex(saved) : embeddings.createIndex({ dimensions, precision: "int8" });

  return {
    async add(added: string[]) {
      const ids = index.add(await embed(added));
      for (const [i, id] of ids.entries()) texts[id] = added[i];
      const parts = store("readwrite"); // one transaction: both or none
      parts.put(texts, "texts");
      await done(parts.put(index.save(), "index"));
    },
    /** The texts to put before a question. */
    async textsFor(question: string, k = 3) {
      const { ids, scores } = index.search(await embed([question]), { k, rescore: 4 });
      return Array.from(ids, (id, i) => ({ text: texts[id], score: scores[i] }));
    },
    close: () => database.close(),
  };
}
