/** Files and folders that were brought together. */
export interface Given {
  readonly files: readonly File[];
  /** The names of folders inside a dropped folder. They are not searched. */
  readonly folders: readonly string[];
}

/**
 * The dropped files, and those in dropped folders.
 *
 * @param dropped what the event has, which must be asked for before it is over
 * @throws {Error} for entries that cannot be read.
 */
export async function droppedFiles(
  files: readonly File[],
  dropped: readonly (FileSystemEntry | null)[],
): Promise<Given> {
  const entries = dropped.filter((entry) => entry !== null);
  if (!entries.some(isFolder)) return { files, folders: [] };
  const all = (await Promise.all(entries.map((entry) => (isFolder(entry) ? entriesIn(entry) : [entry])))).flat();
  return {
    files: await Promise.all(all.filter(isFile).map(fileOf)),
    folders: all.filter(isFolder).map(({ name }) => name),
  };
}

/** A folder returns its entries in batches. */
async function entriesIn(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, (error) => reject(unreadable(folder, error))),
    );
    if (some.length === 0) return all.sort((a, b) => (a.name < b.name ? -1 : 1));
    all.push(...some);
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, (error) => reject(unreadable(entry, error))));
}

function unreadable({ fullPath }: FileSystemEntry, { message }: Error): Error {
  return new Error(`${fullPath.slice(1)} cannot be read: ${message}`);
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}
