// Tasks: what the relay does over many letters or events, with its progress.

import { useRef } from "preact/hooks";
import { get } from "../core/api";
import { type Part, useList } from "../core/list";
import { type LiveMessage, useLive } from "../core/live";
import { useQuery, useTitle } from "../core/router";
import { applications } from "../core/scope";
import { useStore } from "../core/store";
import type { Task } from "../core/types";
import { Button, Head, Id, When } from "../ui/basics";
import { type Filter, FilterBar, useFilters } from "../ui/filters";
import { Empty, Further, Ready } from "../ui/states";
import { type Column, Table } from "../ui/table";
import { TaskFilter, TaskProgress, TaskState, taskTitle } from "../ui/task";

const FILTERS: Filter[] = [
  { name: "state", title: "State", choices: [{ value: "running", title: "Running" }, { value: "finished", title: "Finished" }, { value: "cancelled", title: "Cancelled" }] },
  { name: "kind", title: "Kind", choices: ["redrive", "discard", "recover", "replay_failed", "replay_missing", "replay_tried", "resend", "purge"].map((kind) => ({ value: kind, title: taskTitle({ kind, dry_run: false }) })) },
];

const COLUMNS: Column<Task>[] = [
  { key: "kind", title: "Task", width: "minmax(170px, 1.6fr)", narrow: "main", render: (task) => taskTitle(task) },
  { key: "state", title: "State", width: "110px", narrow: "side", render: (task) => <TaskState state={task.state} /> },
  { key: "progress", title: "Progress", width: "130px", narrow: "sub", render: (task) => <TaskProgress task={task} /> },
  { key: "filter", title: "Over", width: "minmax(140px, 2fr)", from: 730, render: (task) => <span class="cut"><TaskFilter filter={task.filter} /></span> },
  { key: "rate", title: "Rate", width: "72px", from: 860, align: "end", render: (task) => `${task.rate}/s` },
  { key: "id", title: "Id", width: "minmax(110px, 1fr)", from: 1000, render: (task) => <Id id={task.id} /> },
  { key: "at", title: "Started", width: "92px", narrow: "subside", align: "end", render: (task) => <When at={task.created_at} /> },
];

export default function Tasks() {
  useTitle("Tasks");
  useStore(applications);
  const [, change] = useQuery();
  const values = useFilters(FILTERS);
  const list = useList<Task>(JSON.stringify(values), (iterator, signal) => get<Part<Task>>("/v1/tasks", { ...values, iterator, limit: 50 }, signal), (task) => task.id);
  const timer = useRef(0);
  useLive({ action: "subscribe_tasks" }, (message: LiveMessage) => {
    if (message.event !== "tasks") return;
    const heard = new Map((message["tasks"] as Partial<Task>[]).map((task) => [task.id, task]));
    // Progress is shown as it comes; a task that is new, or that ended, is read.
    list.change((rows) => rows.map((row) => (heard.has(row.id) ? { ...row, ...heard.get(row.id) } : row)));
    const known = new Set(list.rows.map((row) => row.id));
    if ([...heard.values()].every((task) => task.state === "running" && known.has(task.id ?? ""))) return;
    timer.current ||= window.setTimeout(() => {
      timer.current = 0;
      list.refresh();
    }, 1000);
  }, list.refresh);
  const filtered = Object.values(values).some(Boolean);
  return (
    <>
      <Head title="Tasks">Redrives, replays and deletions over many letters or events. They go on while nobody looks.</Head>
      <FilterBar filters={FILTERS} />
      <Ready of={list} loaded={list.loaded} what="The list of tasks" />
      {list.loaded && list.rows.length === 0 && !list.more && (
        filtered
          ? <Empty title="No task fits all filters"><Button onClick={() => change({ state: null, kind: null })}>Clear filters</Button></Empty>
          : <Empty title="No task was started"><p>A redrive of <a href="/letters">dead letters</a> or a replay at an <a href="/endpoints">endpoint</a> is a task, and is shown here with its progress.</p></Empty>
      )}
      {list.loaded && (list.rows.length > 0 || list.more) && (
        <Table label="Tasks" columns={COLUMNS} rows={list.rows} id={(task) => task.id} href={(task) => `/tasks/${encodeURIComponent(task.id)}`}
          foot={<Further of={list} noun="tasks" />} />
      )}
    </>
  );
}
