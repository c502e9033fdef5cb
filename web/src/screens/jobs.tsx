// The list of jobs, newest first.

import { get } from "../core/api";
import { useAtMost } from "../core/often";
import { type Part, useList } from "../core/list";
import { useLiveAll } from "../core/live";
import { useQuery, useTitle } from "../core/router";
import { useApplication, useFollowed } from "../core/scope";
import { session } from "../core/session";
import type { Job } from "../core/types";
import { Button, Code, Head, Id, Text, When } from "../ui/basics";
import { type Filter, FilterBar, useFilters } from "../ui/filters";
import { JobMarks, JobState } from "../ui/job-state";
import { Empty, Further, Ready } from "../ui/states";
import { type Column, Table } from "../ui/table";
import { home } from "../core/mount";

const FILTERS: Filter[] = [
  { name: "status", title: "State", choices: [
    { value: "pending", title: "Pending" }, { value: "running", title: "Running" }, { value: "succeeded", title: "Succeeded" },
    { value: "failed", title: "Failed" }, { value: "timed_out", title: "Timed out" }, { value: "cancelled", title: "Cancelled" },
  ] },
  { name: "source", title: "Source", placeholder: "modal" },
  { name: "q", title: "Id", placeholder: "beginning of any id" },
  { name: "batch_id", title: "Batch", placeholder: "the id that its senders use" },
  { name: "run_id", title: "Run", placeholder: "run-7" },
  { name: "since", title: "Since", placeholder: "2026-11-27T08:00:00Z" },
  { name: "until", title: "Until", placeholder: "2026-11-27T09:00:00Z" },
];

const none = <span class="faint">–</span>;

/** Columns of tables of jobs. */
export const JOB_COLUMNS: Column<Job>[] = [
  { key: "job", title: "Job", width: "minmax(140px, 1.8fr)", narrow: "main", render: (job) => <Text text={job.external_id} /> },
  { key: "state", title: "State", width: "minmax(112px, 0.8fr)", narrow: "side", render: (job) => <JobState status={job.status} /> },
  { key: "marks", title: "Marks", width: "minmax(90px, 0.8fr)", from: 860, render: (job) => <JobMarks job={job} /> },
  { key: "source", title: "Source", width: "minmax(80px, 0.8fr)", from: 560, narrow: "sub", render: (job) => <Text text={job.source} /> },
  { key: "batch", title: "Batch", width: "minmax(90px, 1fr)", from: 760, render: (job) => (job.batch_id ? <Text text={job.batch_id} /> : none) },
  { key: "run", title: "Run", width: "minmax(80px, 0.8fr)", from: 1080, render: (job) => (job.run_id ? <Text text={job.run_id} /> : none) },
  { key: "id", title: "Id", width: "minmax(110px, 1fr)", from: 1180, render: (job) => <Id id={job.id} /> },
  { key: "deadline", title: "Deadline", width: "92px", from: 960, align: "end", render: (job) => (job.finished_at ? none : <When at={job.deadline_at} />) },
  { key: "at", title: "Changed", width: "92px", narrow: "subside", align: "end", render: (job) => <When at={job.updated_at} /> },
];

export const jobPath = (job: { id: string }) => `/jobs/${encodeURIComponent(job.id)}`;

export default function Jobs() {
  useTitle("Jobs");
  const [, change] = useQuery();
  const values = useFilters(FILTERS);
  const application = useApplication();
  const list = useList<Job>(JSON.stringify(values), (iterator, signal) => get<Part<Job>>("/v1/jobs", { ...values, iterator, limit: 50 }, signal), (job) => job.id);
  const soon = useAtMost(list.refresh);
  // Whatever happens to a job is an event of it.
  useLiveAll(useFollowed().map((one) => ({ action: "subscribe_events", application: one })), (message) => {
    if (message.event === "events" && (message["events"] as { job_id?: string | null }[]).some((event) => event.job_id)) soon();
  }, list.refresh);
  const rows = application ? list.rows.filter((job) => job.application === application) : list.rows;
  const filtered = FILTERS.some((filter) => values[filter.name]);
  return (
    <>
      <Head title="Jobs" />
      <FilterBar filters={FILTERS} />
      <Ready of={list} loaded={list.loaded} what="The list of jobs" />
      {list.loaded && !rows.length && !list.more && (filtered
        ? <Empty title="No job fits all filters"><Button onClick={() => change(Object.fromEntries(FILTERS.map((filter) => [filter.name, null])))}>Clear filters</Button></Empty>
        : <Empty title="No job is known yet">
            <p>Register a job before it runs. Jobs that a source reports appear here too.</p>
            <Code text={registering()} />
          </Empty>)}
      {list.loaded && (rows.length > 0 || list.more) && (
        <Table label="Jobs" columns={JOB_COLUMNS} rows={rows} id={(job) => job.id} href={jobPath}
          foot={<Further of={list} found={rows.length} noun="jobs" />} />
      )}
    </>
  );
}

/** The command that registers a job at this relay. */
function registering(): string {
  const url = session.value?.relay?.url ?? home;
  return `curl -sS -X PUT ${url}/v1/jobs/job-1 -H "Authorization: Bearer $KEY" \\\n  -d '{"source":"modal","webhook":{"url":"https://example.com/done"},"deadline_seconds":3600}'`;
}
