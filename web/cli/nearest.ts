/** The candidate that a misspelt name most likely stands for; undefined where none is near. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const begun = candidates.filter((candidate) => name.length > 1 && candidate.startsWith(name));
  if (begun.length === 1) return begun[0];
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best && best.distance <= 1 + name.length / 4 ? best.candidate : undefined;
}

/** "; did you mean X?", or nothing where no candidate is near. */
export function didYouMean(name: string, candidates: readonly string[], prefix = ""): string {
  const candidate = nearest(name, candidates);
  return candidate === undefined ? "" : `; did you mean ${prefix}${candidate}?`;
}

/** The number of letters to insert, remove, replace, or swap with the next, to turn one text into the other. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(rows[i - 1][j] + 1, row[j - 1] + 1, replaced);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
