import { type BlobSink, blobSink, privateFileSink, type RunOptions, zipWriter } from "channelwise/models";
import type { WrittenFile } from "../protocol.js";

/** Files that the site keeps on the disk for other pages are left alone. */
const OWN_FILES = "channelwise download ";

/** Holds a file until it is downloaded: on the disk if the browser allows it, otherwise in memory. */
export async function downloadSink(name: string): Promise<BlobSink> {
  try {
    return await privateFileSink(OWN_FILES + name);
  } catch {
    return blobSink();
  }
}

/** Removes the files of earlier downloads. */
export async function removeDownloads() {
  try {
    const folder = await navigator.storage.getDirectory();
    const names: string[] = [];
    for await (const name of folder.keys()) if (name.startsWith(OWN_FILES)) names.push(name);
    for (const name of names) await folder.removeEntry(name).catch(() => {}); // another tab is writing it
  } catch {
    // This browser has no such folder.
  }
}

/** The most bytes that are copied into an archive at a time. */
const COPIED_BYTES = 2 ** 22;

/** Puts files into an archive, as they are. */
export async function zipped(
  name: string,
  files: readonly WrittenFile[],
  { signal, onProgress }: Required<RunOptions>,
): Promise<Blob> {
  const sink = await downloadSink(name);
  const total = files.reduce((sum, { blob }) => sum + blob.size, 0);
  let done = 0;
  try {
    const zip = zipWriter(
      sink,
      files.map(({ name, blob }) => ({ name, byteLength: blob.size })),
    );
    await zip.begin();
    for (const [i, { name, blob }] of files.entries()) {
      for (let at = 0; at < blob.size; at += COPIED_BYTES) {
        signal.throwIfAborted();
        const bytes = new Uint8Array(await blob.slice(at, at + COPIED_BYTES).arrayBuffer());
        await zip.write(i, at, bytes);
        done += bytes.length;
        onProgress({ tensor: name, done, total });
      }
    }
    await zip.end();
    await sink.close();
  } catch (error) {
    await sink.abort(error);
    throw error;
  }
  return sink.blob();
}
