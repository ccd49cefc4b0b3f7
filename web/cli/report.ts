import type { Asked } from "./asked.js";
import { UsageError } from "./command-error.js";
import { Interruption, reportInterruption } from "./interruption.js";
import { problemJson, sentenceOf } from "./problems.js";
import { printJson, type Streams, styled } from "./terminal.js";

/** Says why a command failed, and returns the exit code. */
export function reportFailure(error: unknown, asked: Asked, streams: Streams): number {
  const interruption = causesOf(error).find((cause) => cause instanceof Interruption);
  if (interruption) return reportInterruption(interruption, asked, streams);
  const { command, json } = asked;
  const { stdout, stderr } = streams;
  if (json) printJson(stdout, { ...(command && { command }), error: problemJson(error) });
  stderr.write(`${styled(stderr, "red", "channelwise:")} ${sentenceOf(error)}\n`);
  if (!causesOf(error).some((cause) => cause instanceof UsageError)) return 1;
  stderr.write(`See channelwise ${command ? `${command} ` : ""}--help.\n`);
  return 2;
}

/** An error and its causes. */
function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  for (let each = error; each !== undefined; each = each instanceof Error ? each.cause : undefined) causes.push(each);
  return causes;
}
