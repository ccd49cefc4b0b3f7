import type { Asked } from "./asked.js";
import { UsageError } from "./command-error.js";
import { Interruption } from "./interruption.js";
import { problemJson, sentenceOf } from "./problems.js";
import { type Stream, styled } from "./terminal.js";

export interface Streams {
  readonly stdout: Stream;
  readonly stderr: Stream;
}

/** Says why a command failed, and returns the exit code. */
export function reportFailure(error: unknown, { command, json }: Asked, { stdout, stderr }: Streams): number {
  const interruption = causesOf(error).find((cause) => cause instanceof Interruption);
  const told = interruption ?? error;
  if (json) printJson(stdout, { ...(command && { command }), error: problemJson(told) });
  stderr.write(`${styled(stderr, "red", "channelwise:")} ${sentenceOf(told)}\n`);
  if (interruption) return interruption.exitCode;
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

/** JSON has no infinity, so the infinite SQNR of a tensor without errors is null. */
export function printJson(stdout: Stream, value: object): void {
  stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
