/**
 * Whether a name matches a pattern: `*` stands for any characters, dots and slashes too, `?` for one, and everything else
 * for itself.
 */
export function matchesGlob(name: string, pattern: string): boolean {
  let at = 0;
  let patternAt = 0;
  /** After the last star, and where in the name what it stands for ends so far. */
  let afterStar = -1;
  let starEnd = 0;
  while (at < name.length) {
    if (pattern[patternAt] === "*") {
      afterStar = ++patternAt;
      starEnd = at;
    } else if (patternAt < pattern.length && (pattern[patternAt] === "?" || pattern[patternAt] === name[at])) {
      at++;
      patternAt++;
    } else if (afterStar !== -1) {
      at = ++starEnd;
      patternAt = afterStar;
    } else {
      return false;
    }
  }
  while (pattern[patternAt] === "*") patternAt++;
  return patternAt === pattern.length;
}
