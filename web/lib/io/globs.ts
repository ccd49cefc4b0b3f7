/**
 * Whether a name matches a pattern: `*` matches any characters, including dots and slashes, `?` matches one, and every
 * other character itself.
 */
export function matchesGlob(name: string, pattern: string): boolean {
  let at = 0;
  let patternAt = 0;
  /** The place after the last star, and the place in the name up to which it matches so far. */
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
