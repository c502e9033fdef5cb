// One batch: how far it is, how fast, and its jobs, those that did not succeed first.

import { useRef, useState } from "preact/hooks";
import { get, getText, path } from "../core/api";
import { count, line, plural, share } from "../core/format";
import { saveLines } from "../core/lines";
import { type Part, asFailure, useList, useThing } from "../core/list";
import { type LiveMessage, useLive } from "../core/live";
import { useAtMost } from "../core/often";
import { useQuery, useTitle } from "../core/router";
import { applicationName } from "../core/scope";
import { may } from "../core/session";
import { useStore } from "../core/store";
import { now, span } from "../core/time";
import type { Batch, EventRow, Job } from "../core/types";
import { CancelRest, CloseBatch } from "../ui/batch-acts";
import { Badge, Button, Fact, Facts, Figure, For, Head, Id, Progress, Section, Text, When } from "../ui/basics";
import { EventState } from "../ui/event-state";
import { JobState } from "../ui/job-state";
import { ActionError, Empty, Failed as FailedNotice, Further, NotYet, Stale } from "../ui/states";
import { Table } from "../ui/table";
import { batchCounts } from "./batches";
import { JOB_COLUMNS, jobPath } from "./jobs";

const COLUMNS = JOB_COLUMNS.filter((column) => column.key !== "batch");

/** A line of the file of errors. */
interface Failed {
  id: string;
  custom_id: string;
  error: { code: string; message: string };
}

/** The rate is that of the last minutes, so that a pause shows. */
const WINDOW = 3 * 60_000;

/** Jobs that ended per second, as the pushes told since the screen was opened; null until that can be said. */
function useRate(ended: number | undefined): number | null {
  const samples = useRef<[at: number, ended: number][]>([]);
  const present = useStore(now);
  const last = samples.current[samples.current.length - 1];
  if (ended !== undefined && (!last || last[1] < ended)) samples.current.push([Date.now(), ended]);
  while (samples.current.length > 2 && (samples.current[1]?.[0] ?? 0) < present - WINDOW) samples.current.shift();
  const [first, newest] = [samples.current[0], samples.current[samples.current.length - 1]];
  if (!first || !newest || newest[1] === first[1]) return null;
  return (newest[1] - first[1]) / Math.max(1, (Math.max(present, newest[0]) - first[0]) / 1000);
}

export default function BatchScreen({ parts }: { parts: Record<string, string> }) {
  const name = parts["id"] ?? "";
  const [query] = useQuery();
  const application = query.get("application");
  const thing = useThing(`${name}\n${application}`, (signal) => get<Batch>(path`/v1/batches/${name}`, { application }, signal));
  const batch = thing.value;
  const id = batch?.id ?? "";
  useTitle(line(batch?.external_id ?? name, 80));
  const [act, setAct] = useState<"" | "close" | "cancel">("");
  // Jobs are found among all, newest first; a part that found none is followed by the next at once, a few times.
  const list = useList<Job>(id, async (iterator, signal): Promise<Part<Job>> => {
    if (!batch) return { data: [], done: true };
    const found: Job[] = [];
    let scanned = 0;
    for (let n = 0; ; n += 1) {
      const part: Part<Job> = await get<Part<Job>>("/v1/jobs", { batch_id: batch.external_id, iterator, limit: 50 }, signal);
      // Batches of other applications may bear the same id.
      found.push(...part.data.filter((job) => job.application === batch.application));
      scanned += part.scanned ?? 0;
      if (part.done || found.length || n === 4) return { ...part, data: found, scanned };
      iterator = part.iterator ?? undefined;
    }
  }, (job) => job.id);
  const failed = useThing(batch && batch.request_counts.failed ? id : null, async (signal): Promise<Failed[]> => {
    const text = await getText(path`/v1/batches/${id}/errors`, { limit: 50, application: batch?.application }, signal);
    return text.split("\n").filter(Boolean).map((one) => JSON.parse(one) as Failed);
  });
  const announced = useThing(id || null, (signal) => get<Part<EventRow>>("/v1/events", { batch: id, type: "batch.*", application: batch?.application, limit: 20 }, signal));
  const soon = useAtMost(() => {
    thing.refresh();
    list.refresh();
    announced.refresh();
    failed.refresh();
  });
  const [told, setTold] = useState<{ id: string; ended: number } | null>(null);
  useLive(batch ? { action: "join_batch", batch_id: batch.id, application: batch.application } : null, (message: LiveMessage) => {
    if (message.event === "batch_status" && message["id"] === id) setTold({ id, ended: Number(message["completed_jobs"]) });
    if (["batch_status", "job_completed", "job_failed", "job_progress"].includes(message.event)) soon();
  }, soon);
  const counts = batch ? batchCounts(batch) : null;
  const ended = counts ? Math.max(counts.good + counts.bad, told?.id === id ? told.ended : 0) : undefined;
  const rate = useRate(ended);

  if (!batch || !counts) {
    return (
      <>
        <Head title={<Text text={name} />} above={{ href: "/batches", title: "Batches" }} />
        <NotYet of={thing} what="This batch" />
      </>
    );
  }
  const open = batch.status === "in_progress";
  const sized = batch.size !== null && batch.size !== undefined;
  const denied = may("publish") ? undefined : "This needs the scope publish.";
  const left = Math.max(0, counts.whole - (ended ?? 0));
  const steps = batch.progress_every ? `every ${plural(batch.progress_every, "job")}` : batch.progress_percent ? `every ${batch.progress_percent} %` : "not announced";
  return (
    <>
      <Head title={<Text text={batch.external_id} />} above={{ href: "/batches", title: "Batches" }} side={
        <>
          <Download batch={batch} kind="results" />
          <Download batch={batch} kind="errors" />
          {open && !sized && <Button disabled={Boolean(denied) || batch.closing} title={denied} onClick={() => setAct("close")}>{batch.closing ? "Closing" : "Close…"}</Button>}
          {open && <Button kind="danger" disabled={Boolean(denied) || left === 0} title={denied} onClick={() => setAct("cancel")}>Cancel what is left…</Button>}
        </>
      }>
        <span class="inline"><JobState status={batch.status} />{batch.closing && <Badge tone="info">Closing</Badge>}{batch.completed_at ? <When at={batch.completed_at} /> : <For since={batch.created_at} />}</span>
      </Head>
      <Stale of={thing} />
      <div class="figures">
        <Figure name="Ended" value={`${count(ended ?? 0)} of ${count(counts.whole)}${sized ? "" : "+"}`} note={sized ? share(ended ?? 0, counts.whole) : "the batch is not closed yet"} />
        <Figure name="Succeeded" value={counts.good} />
        <Figure name="Not succeeded" value={counts.bad} tone={counts.bad ? "bad" : undefined} note={[batch.timed_out && `${count(batch.timed_out)} timed out`, batch.cancelled && `${count(batch.cancelled)} cancelled`].filter(Boolean).join(", ") || undefined} />
        {open && <Figure name="Rate" value={rate === null ? "–" : rate >= 1 ? `${rate.toFixed(1)}/s` : `${(rate * 60).toFixed(1)}/min`} note="since this screen was opened" />}
        {open && <Figure name="Expected end" value={rate && sized && left ? `in ${span((left / rate) * 1000)}` : "–"} note={sized ? `${count(left)} left` : undefined} />}
      </div>
      <div class="wide-bar"><Progress done={counts.good} bad={counts.bad} whole={counts.whole} label="Jobs that have ended" /></div>
      {failed.value && failed.value.length > 0 && <NotSucceeded jobs={failed.value} whole={batch.request_counts.failed} />}
      <Section title="Jobs" side={<a href={`/jobs?batch_id=${encodeURIComponent(batch.external_id)}`}>Filter them</a>}>
        {!list.loaded && <NotYet of={list} what="The list of jobs" rows={4} />}
        {list.loaded && !list.rows.length && !list.more && <Empty title="No job of the batch is known yet" />}
        {list.loaded && (list.rows.length > 0 || list.more) && (
          <Table label="Jobs of the batch" columns={COLUMNS} rows={list.rows} id={(job) => job.id} href={jobPath}
            foot={<Further of={list} noun="jobs" />} />
        )}
      </Section>
      <Section title="Announced" side={<span class="faint">Progress {steps}</span>}>
        {announced.failure && !announced.value && <FailedNotice failure={announced.failure} retry={announced.refresh} what="The list of announcements" />}
        {announced.value && (announced.value.data.length
          ? <ul class="card rows">{announced.value.data.map((event) => (
              <li key={event.id}><EventState event={event} /><span class="grow"><a href={`/events/${encodeURIComponent(event.id)}`}><Text text={event.type} /></a></span><span class="faint"><When at={event.created_at} /></span></li>
            ))}</ul>
          : <p class="faint">Nothing was announced yet.</p>)}
      </Section>
      <Section title="Facts">
        <div class="card">
          <Facts>
            <Fact name="Application"><Text text={applicationName(batch.application)} /></Fact>
            <Fact name="Source">{batch.source && <a href={`/sources/${encodeURIComponent(batch.source)}`}><Text text={batch.source} /></a>}</Fact>
            <Fact name="Size">{sized ? count(batch.size) : "open: closed later"}</Fact>
            <Fact name="Fails">{batch.fail_on === "any" ? "if one job does not succeed" : "if no job succeeds"}</Fact>
            <Fact name="Declared"><When at={batch.declared_at} /></Fact>
            <Fact name="Ended"><When at={batch.completed_at} /></Fact>
            <Fact name="Id" wide><Id id={batch.id} copy /></Fact>
            {batch.webhooks.map((webhook) => <Fact key={webhook.endpoint_id} name="Webhook"><code><Text text={webhook.url} /></code></Fact>)}
            {Object.keys(batch.metadata as object).length > 0 && <Fact name="Metadata"><code><Text text={JSON.stringify(batch.metadata)} /></code></Fact>}
          </Facts>
        </div>
      </Section>
      {act === "close" && <CloseBatch batch={batch} close={() => setAct("")} done={thing.set} />}
      {act === "cancel" && <CancelRest batch={batch} left={left} close={() => setAct("")} done={soon} />}
    </>
  );
}

/** The jobs that did not succeed, with their errors. */
function NotSucceeded({ jobs, whole }: { jobs: Failed[]; whole: number }) {
  return (
    <Section title="Not succeeded" side={whole > jobs.length ? <span class="faint">{count(jobs.length)} of {count(whole)}; the file of errors has all</span> : undefined}>
      <ul class="card rows">
        {jobs.map((job) => (
          <li key={job.id}>
            <JobState status={job.error.code} />
            <span class="name"><a href={jobPath(job)}><Text text={job.custom_id} most={80} /></a></span>
            <span class="grow faint"><Text text={job.error.message} /></span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Download({ batch, kind }: { batch: Batch; kind: "results" | "errors" }) {
  const [lines, setLines] = useState(-1);
  const [failure, setFailure] = useState<ReturnType<typeof asFailure> | null>(null);
  const going = useRef(false);
  const start = () => {
    if (going.current) {
      going.current = false;
      return setLines(-1);
    }
    going.current = true;
    setFailure(null);
    setLines(0);
    saveLines(path`/v1/batches/${batch.id}/` + kind, {}, `${batch.external_id.slice(0, 60)}-${kind}.jsonl`, (read) => {
      if (going.current) setLines(read);
      return going.current;
    }).catch((error) => setFailure(asFailure(error))).finally(() => {
      going.current = false;
      setLines(-1);
    });
  };
  return (
    <>
      <Button icon="download" kind="quiet" onClick={start}>{lines >= 0 ? `${count(lines)} lines – stop` : kind === "results" ? "Results" : "Errors"}</Button>
      <ActionError failure={failure} />
    </>
  );
}
