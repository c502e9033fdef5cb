// The progress of a task that was started here, as it goes on.

import { useState } from "preact/hooks";
import { useAction } from "../../core/action";
import { get, path, send } from "../../core/api";
import { count } from "../../core/format";
import { useThing } from "../../core/list";
import { useLiveAll } from "../../core/live";
import { useAtMost } from "../../core/often";
import { portal } from "../../core/router";
import { useFollowed } from "../../core/scope";
import { may } from "../../core/session";
import type { Task } from "../../core/types";
import { Badge, Button, Progress } from "../basics";
import { Confirm } from "../dialog";
import { Failed } from "../states";

export function TaskBar({ id, close, over }: { id: string; close: () => void; over: () => void }) {
  const thing = useThing(id, (signal) => get<Task>(path`/v1/tasks/${id}`, undefined, signal));
  const [asking, setAsking] = useState(false);
  const soon = useAtMost(thing.refresh);
  const task = thing.value;
  const running = !task || task.state === "running";
  // The task tells how far it is. Each letter that it moves is told too, so that its end is seen either way.
  useLiveAll(useFollowed().flatMap((application) => (portal ? ["subscribe_letters"] : ["subscribe_tasks", "subscribe_letters"]).map((action) => ({ action, application }))), (message) => {
    if (message.event === "tasks") {
      const news = (message["tasks"] as Task[]).find((one) => one.id === id);
      if (!news || !task) return;
      thing.set({ ...task, ...news });
      if (news.state !== "running") over();
    } else if (message.event === "letters" && running) soon();
  }, () => {
    if (running) soon();
  });
  const cancel = useAction(async (key) => {
    thing.set(await send<Task>("POST", path`/v1/tasks/${id}/cancel`, undefined, { key }));
    setAsking(false);
    over();
  });
  if (!task) return thing.failure ? <Failed failure={thing.failure} retry={thing.refresh} what="The task" /> : null;
  const words = task.kind === "redrive" ? "put back" : "deleted";
  return (
    <div class="card task-bar" role="status">
      <div class="inline">
        <Badge tone={running ? "info" : task.state === "finished" ? "good" : "idle"}>{running ? "Running" : task.state === "finished" ? "Finished" : "Cancelled"}</Badge>
        <span class="num">{count(task.redriven)} of {count(task.matched)} {words}</span>
        {!portal && <a href={`/tasks/${encodeURIComponent(id)}`}>Task</a>}
      </div>
      <Progress done={task.redriven} whole={Math.max(task.matched, task.redriven)} label={`Letters that were ${words}`} />
      {running && !portal ? <Button kind="quiet" disabled={!may("admin")} onClick={() => setAsking(true)}>Cancel</Button> : <Button kind="quiet" onClick={close}>Close</Button>}
      {asking && <Confirm title="Stop the task?" action="Stop" kind="danger" act={cancel} confirm={() => void cancel.run()} close={() => setAsking(false)}><p>What it has done stays done.</p></Confirm>}
    </div>
  );
}
