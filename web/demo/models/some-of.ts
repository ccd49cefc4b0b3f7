/** More would hide what else is said. */
const MOST_TOLD = 3;

/** The first few of what is told, and how many more there are. */
export function someOf(told: readonly string[]): string {
  const more = told.length - MOST_TOLD;
  return told.slice(0, MOST_TOLD).join("; ") + (more > 0 ? `; and ${more} more` : "");
}
