// One task: how far it is, over what, and how it is stopped.

import { useState } from "preact/hooks";
import { useAction } from "../core/action";
import { get, path, send } from "../core/api";
import { count } from "../core/format";
import { useThing } from "../core/list";
import { useLive } from "../core/live";
import { useTitle } from "../core/router";
import { applications } from "../core/scope";
import { may } from "../core/session";
import { useStore } from "../core/store";
import { span } from "../core/time";
import type { Task as TaskOut } from "../core/types";
import { Button, Fact, Facts, Head, Id, Progress, Section, When } from "../ui/basics";
import { Confirm } from "../ui/dialog";
import { NotYet, Stale } from "../ui/states";
import { TaskFilter, TaskState, taskTitle } from "../ui/task";

export default function Task({ parts }: { parts: Record<string, string> }) {
  const id = parts["id"] ?? "";
  useStore(applications);
  const thing = useThing<TaskOut>(id, (signal) => get(path`/v1/tasks/${id}`, undefined, signal));
  const [asks, setAsks] = useState(false);
  const { value: task } = thing;
  useTitle(task ? taskTitle(task) : "Task");
  useLive({ action: "subscribe_tasks" }, (message) => {
    if (message.event !== "tasks") return;
    const heard = (message["tasks"] as Partial<TaskOut>[]).find((one) => one.id === id);
    if (!heard || !task) return;
    thing.set({ ...task, ...heard });
    if (heard.state !== "running") thing.refresh();
  }, thing.refresh);
  const cancel = useAction(async (key) => {
    await send("POST", path`/v1/tasks/${id}/cancel`, undefined, { key });
    setAsks(false);
    thing.refresh();
  });
  const above = { href: "/tasks", title: "Tasks" };
  if (!task) return <><Head above={above} title="Task" /><NotYet of={thing} what="The task" rows={4} /></>;
  const done = task.dry_run ? task.matched : task.redriven;
  const left = Math.max(0, task.matched - done);
  const running = task.state === "running";
  return (
    <>
      <Head above={above} title={taskTitle(task)}
        side={running && <Button kind="danger" disabled={!may("admin")} title={may("admin") ? undefined : "Cancelling needs the scope admin"} onClick={() => setAsks(true)}>Cancel task</Button>}>
        <span class="side"><TaskState state={task.state} /><Id id={task.id} copy /></span>
      </Head>
      <Stale of={thing} />
      <div class="card task-card">
        <p class="task-count"><strong class="figure-value">{count(done)}</strong> <span class="faint">of {count(task.matched)} {task.dry_run ? "counted" : "done"}{running && left > 0 && task.rate > 0 && !task.dry_run && <>, about {span((left / task.rate) * 1000)} left at {task.rate}/s</>}</span></p>
        <Progress done={done} whole={Math.max(task.matched, 1)} label={taskTitle(task)} />
      </div>
      <Section title="Facts">
        <div class="card">
          <Facts>
            <Fact name="Over"><TaskFilter filter={task.filter} /></Fact>
            <Fact name="Looked at">{count(task.scanned)}</Fact>
            <Fact name="Rate">{task.rate} per second</Fact>
            <Fact name="Started"><When at={task.created_at} plain /></Fact>
            <Fact name={task.state === "cancelled" ? "Cancelled" : "Finished"}>{task.finished_at ? <When at={task.finished_at} plain /> : <span class="faint">{running ? "still running" : "–"}</span>}</Fact>
          </Facts>
        </div>
      </Section>
      {asks && (
        <Confirm title="Cancel the task?" action="Cancel task" kind="danger" act={cancel} confirm={() => void cancel.run()} close={() => setAsks(false)}>
          <p>What is done stays done: {count(done)} of {count(task.matched)}. The rest is left as it is, and can be chosen again.</p>
        </Confirm>
      )}
    </>
  );
}
