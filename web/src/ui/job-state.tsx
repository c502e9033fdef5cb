// How jobs and batches stand.

import type { Job } from "../core/types";
import { Badge, type Tone } from "./basics";

const STATES: Record<string, [Tone, string]> = {
  pending: ["idle", "Pending"], running: ["info", "Running"], succeeded: ["good", "Succeeded"], failed: ["bad", "Failed"],
  timed_out: ["warn", "Timed out"], cancelled: ["idle", "Cancelled"], in_progress: ["info", "In progress"], completed: ["good", "Completed"],
};

export function JobState({ status }: { status: string }) {
  const [tone, word] = STATES[status] ?? ["idle", status];
  return <Badge tone={tone}>{word}</Badge>;
}

export const ended = (status: string) => status !== "pending" && status !== "running";

/** What is unusual about how a job's end became known. */
export function JobMarks({ job }: { job: Job }) {
  return (
    <>
      {job.missed && <Badge tone="warn" title="No webhook told how the job ended.">Missed</Badge>}
      {job.late && <Badge tone="warn" title="It ended anew after it had timed out, or succeeded after it had failed.">Late</Badge>}
      {job.polls > 0 && <Badge tone="idle" title={`Its platform was asked ${job.polls} times.`}>Polled</Badge>}
      {job.conflicts > 0 && <Badge tone="warn" title="Different ends came afterwards and changed nothing.">Conflict</Badge>}
    </>
  );
}

/** What stands in an empty terminal. */
export function waitingWords(status: string): string {
  if (status === "pending") return "Waiting for the job to start…";
  if (status === "running") return "Waiting for the first line…";
  return "The job has ended and logged nothing.";
}
