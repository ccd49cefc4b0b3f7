/** Whether a path that a file contains stays below the folder it starts from, on any system. */
export function isBelow(path: string): boolean {
  return path !== "" && !/^\/|^[a-z]:|[\\\0]/i.test(path) && !path.split("/").includes("..");
}
