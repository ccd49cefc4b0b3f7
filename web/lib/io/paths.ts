/** Whether a path leads to a file below the folder it starts from, on any system. */
export function isBelow(path: string): boolean {
  return path !== "" && !/^\/|^[a-z]:|\\/i.test(path) && !path.split("/").includes("..");
}
