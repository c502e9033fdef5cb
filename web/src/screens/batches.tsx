// The list of batches, newest first.

import { get } from "../core/api";
import { count, plural } from "../core/format";
import { type Part, useList } from "../core/list";
import { useLiveAll } from "../core/live";
import { useAtMost } from "../core/often";
import { useQuery, useTitle } from "../core/router";
import { applicationName, useApplication, useFollowed } from "../core/scope";
import { session } from "../core/session";
import type { Batch } from "../core/types";
import { Button, Code, Head, Id, Progress, Text, When } from "../ui/basics";
import { type Filter, FilterBar, useFilters } from "../ui/filters";
import { JobState } from "../ui/job-state";
import { Empty, Further, Ready } from "../ui/states";
import { type Column, Table } from "../ui/table";
import { home } from "../core/mount";

const FILTERS: Filter[] = [
  { name: "status", title: "State", choices: [{ value: "in_progress", title: "In progress" }, { value: "completed", title: "Completed" }, { value: "failed", title: "Failed" }] },
];

/** Jobs of a batch: how many there are to be, and how many have ended how. */
export function batchCounts(batch: Batch): { whole: number; good: number; bad: number; left: number } {
  const { completed: good, failed: bad } = batch.request_counts;
  const whole = Math.max(batch.size ?? 0, batch.known, good + bad);
  return { whole, good, bad, left: whole - good - bad };
}

const COLUMNS: Column<Batch>[] = [
  { key: "batch", title: "Batch", width: "minmax(140px, 1.6fr)", narrow: "main", render: (batch) => <Text text={batch.external_id} /> },
  { key: "state", title: "State", width: "112px", narrow: "side", render: (batch) => <JobState status={batch.status} /> },
  { key: "progress", title: "Progress", width: "minmax(150px, 1.4fr)", narrow: "sub", render: (batch) => {
    const { whole, good, bad } = batchCounts(batch);
    return <><span class="cell-bar"><Progress done={good} bad={bad} whole={whole} label={`Progress of ${batch.external_id}`} /></span><span class="num faint">{count(good + bad)} of {count(whole)}{batch.size === null || batch.size === undefined ? "+" : ""}</span></>;
  } },
  { key: "failed", title: "Not succeeded", width: "104px", from: 700, align: "end", render: (batch) => (batch.request_counts.failed ? <span class="bad num">{count(batch.request_counts.failed)}</span> : <span class="faint">–</span>) },
  { key: "source", title: "Source", width: "minmax(80px, 0.8fr)", from: 860, render: (batch) => (batch.source ? <Text text={batch.source} /> : <span class="faint">–</span>) },
  { key: "application", title: "Application", width: "minmax(90px, 0.8fr)", from: 1080, render: (batch) => <Text text={applicationName(batch.application)} /> },
  { key: "id", title: "Id", width: "minmax(110px, 1fr)", from: 1240, render: (batch) => <Id id={batch.id} /> },
  { key: "completed", title: "Ended", width: "90px", from: 960, align: "end", render: (batch) => <When at={batch.completed_at} /> },
  { key: "at", title: "Begun", width: "90px", narrow: "subside", align: "end", render: (batch) => <When at={batch.created_at} /> },
];

export default function Batches() {
  useTitle("Batches");
  const [, change] = useQuery();
  const values = useFilters(FILTERS);
  const application = useApplication();
  const list = useList<Batch>(JSON.stringify(values), (iterator, signal) => get<Part<Batch>>("/v1/batches", { ...values, iterator, limit: 50 }, signal), (batch) => batch.id);
  const soon = useAtMost(list.refresh);
  useLiveAll(useFollowed().map((one) => ({ action: "subscribe_events", application: one })), (message) => {
    if (message.event === "events" && (message["events"] as { batch_id?: string | null }[]).some((event) => event.batch_id)) soon();
  }, list.refresh);
  const rows = application ? list.rows.filter((batch) => batch.application === application) : list.rows;
  const url = session.value?.relay?.url ?? home;
  return (
    <>
      <Head title="Batches">{list.loaded && rows.length > 0 && !list.more && plural(rows.length, "batch", "batches")}</Head>
      <FilterBar filters={FILTERS} />
      <Ready of={list} loaded={list.loaded} what="The list of batches" />
      {list.loaded && !rows.length && !list.more && (values["status"]
        ? <Empty title="No batch is in this state"><Button onClick={() => change({ status: null })}>Clear filters</Button></Empty>
        : <Empty title="No batch is known yet">
            <p>Declare a batch before its jobs or after, or give jobs a <code>batch_id</code>.</p>
            <Code text={`curl -sS ${url}/v1/batches -H "Authorization: Bearer $KEY" \\\n  -d '{"id":"night-run","size":40,"webhook":{"url":"https://example.com/done"}}'`} />
          </Empty>)}
      {list.loaded && (rows.length > 0 || list.more) && (
        <Table label="Batches" columns={COLUMNS} rows={rows} id={(batch) => batch.id} href={(batch) => `/batches/${encodeURIComponent(batch.id)}`}
          foot={<Further of={list} found={rows.length} noun="batches" />} />
      )}
    </>
  );
}
