/**
 * The files that are dropped, and those that lie in dropped folders. To be called before the event is over.
 *
 * @throws {Error} for folders without files, and what cannot be read.
 */
export async function droppedFiles({ items, files }: DataTransfer): Promise<File[]> {
  const given = [...files];
  const entries = Array.from(items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (!entries.some(({ isDirectory }) => isDirectory)) return given;
  const all = await Promise.all(entries.map((entry) => (isFolder(entry) ? entriesIn(entry) : [entry])));
  const inFolders = all.flat().filter(isFile);
  if (inFolders.length === 0) throw new Error("There are no files in what was dropped; drop the folder that has them.");
  return Promise.all(inFolders.map(fileOf));
}

/** A folder gives its entries some at a time. */
async function entriesIn(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all.sort((a, b) => (a.name < b.name ? -1 : 1));
    all.push(...some);
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}
