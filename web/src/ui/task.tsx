// Tasks: what they do, how far they are. Other screens that start a task show its progress with these.

import { plural } from "../core/format";
import { applicationName } from "../core/scope";
import { exact } from "../core/time";
import type { Task } from "../core/types";
import { Badge, Progress, Text } from "./basics";

const KINDS: Record<string, string> = {
  redrive: "Redrive dead letters", discard: "Delete dead letters", purge: "Delete what belongs to a removed application", recover: "Probe an endpoint and send its letters back",
  resend: "Put unprocessed messages back", replay_failed: "Recover failed messages", replay_missing: "Replay missing messages", replay_tried: "Replay messages",
};

/** What the task does, in words. */
export function taskTitle(task: Pick<Task, "kind" | "dry_run">): string {
  return (KINDS[task.kind] ?? task.kind.replaceAll("_", " ")) + (task.dry_run ? " (dry run)" : "");
}

export function TaskState({ state }: { state: string }) {
  return <Badge tone={state === "running" ? "info" : state === "finished" ? "good" : "idle"}>{state[0]?.toUpperCase()}{state.slice(1)}</Badge>;
}

/** How far it is: its bar while it runs, and its numbers. */
export function TaskProgress({ task }: { task: Pick<Task, "state" | "redriven" | "matched" | "scanned" | "kind" | "dry_run"> }) {
  const done = task.dry_run ? task.matched : task.redriven;
  return (
    <span class="task-progress">
      {task.state === "running" && task.matched > 0 && <Progress done={done} whole={task.matched} label={taskTitle(task)} />}
      <span class="num faint">{task.dry_run ? `${plural(task.matched, "match", "matches")} in ${plural(task.scanned, "row")}` : `${done.toLocaleString("en-US")} of ${task.matched.toLocaleString("en-US")}`}</span>
    </span>
  );
}

/** The selection of a task as a sentence. */
export function TaskFilter({ filter }: { filter: Task["filter"] }) {
  const parts: [string, string][] = [];
  for (const [name, value] of Object.entries(filter) as [string, string | null | undefined][]) {
    if (!value) continue;
    const words = name === "application" ? applicationName(value) : name === "since" || name === "until" ? exact(value) : value;
    parts.push([name.replaceAll("_", " "), words]);
  }
  if (parts.length === 0) return <span class="faint">everything</span>;
  return <>{parts.map(([name, words], n) => <span key={name}>{n > 0 && ", "}<span class="faint">{name}</span> <Text text={words} /></span>)}</>;
}
