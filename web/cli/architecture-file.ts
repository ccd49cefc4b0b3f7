import { architectureNames, type CustomArchitecture } from "channelwise/models";
import { UsageError } from "./command-error.js";
import { didYouMean } from "./nearest.js";
import { wholeFile } from "./whole-file.js";

/** The architecture of --arch: a name, or what a .json file says. */
export function readArchitecture(text: string): string | CustomArchitecture {
  if (!/\.json$/i.test(text)) {
    if (architectureNames.includes(text)) return text;
    const names = `${architectureNames.join(", ")}, or a .json file`;
    throw new UsageError(`--arch is ${text}; it must be one of ${names}${didYouMean(text, architectureNames)}`);
  }
  const json = wholeFile(text).toString();
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UsageError(`--arch: ${text} is not JSON: ${(error as Error).message}`);
  }
}
