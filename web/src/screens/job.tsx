// One job: how it stands, its log as it is written, and what was announced of it.

import { useState } from "preact/hooks";
import { get, path } from "../core/api";
import { line, plural } from "../core/format";
import { useThing } from "../core/list";
import { type LiveMessage, lamp, useLive } from "../core/live";
import { useQuery, useTitle } from "../core/router";
import { applicationName } from "../core/scope";
import { may } from "../core/session";
import type { JobDetail } from "../core/types";
import { Button, Fact, Facts, For, Head, Id, Progress, Section, Text, When } from "../ui/basics";
import { DeliveryState } from "../ui/event-state";
import { CancelJob, InjectEnd, ReplayNotices } from "../ui/job-acts";
import { JobMarks, JobState, ended, waitingWords } from "../ui/job-state";
import { Empty, NotYet, Stale } from "../ui/states";
import { useLog } from "../ui/terminal/feed";
import { Terminal } from "../ui/terminal/terminal";

type JobEvent = JobDetail["events"][number];

/** The job after a message about it; the same object if it says nothing new. */
function told(job: JobDetail, message: LiveMessage): JobDetail {
  const at = String(message["timestamp"] ?? new Date().toISOString());
  switch (message.event) {
    case "job_progress":
      // Progress that arrives behind the end changes nothing.
      if (message["id"] !== job.id || ended(job.status)) return job;
      return { ...job, status: String(message["status"]), started_at: job.started_at ?? at, updated_at: at };
    case "job_completed":
    case "job_failed": {
      if (message["id"] !== job.id) return job;
      const status = message.event === "job_completed" ? "succeeded" : String(message["status"]);
      return job.status === status ? job : { ...job, status, finished_at: job.finished_at ?? at, updated_at: at };
    }
    case "events": {
      const mine = (message["events"] as (JobEvent & { job_id?: string | null })[]).filter((event) => event.job_id === job.id && !job.events.some((known) => known.id === event.id));
      if (!mine.length) return job;
      return { ...job, events: [...job.events, ...mine.map(({ id, type, created_at }) => ({ id, type, created_at, deliveries: [] }))] };
    }
    case "deliveries": {
      let changed = false;
      const events = job.events.map((event) => {
        const news = (message["deliveries"] as { id: string; event_id: string; endpoint_id: string; state: string; attempts_made: number }[]).filter((one) => one.event_id === event.id);
        if (!news.length) return event;
        changed = true;
        const fresh = news.map(({ id, endpoint_id, state, attempts_made }) => ({ id, endpoint_id, state, attempts: attempts_made }));
        return { ...event, deliveries: [...event.deliveries.filter((one) => !fresh.some((two) => two.id === one.id)), ...fresh] };
      });
      return changed ? { ...job, events } : job;
    }
    default:
      return job;
  }
}

export default function Job({ parts }: { parts: Record<string, string> }) {
  const name = parts["id"] ?? "";
  const [query] = useQuery();
  const source = query.get("source");
  const thing = useThing(`${name}\n${source}`, (signal) => get<JobDetail>(path`/v1/jobs/${name}`, { source }, signal));
  const job = thing.value;
  const title = job?.external_id ?? name;
  useTitle(line(title, 80));
  const [progress, setProgress] = useState<{ percent: number | null; words: string }>({ percent: null, words: "" });
  const [failure, setFailure] = useState("");
  const [act, setAct] = useState<"" | "cancel" | "end" | "replay">("");
  const log = useLog(job?.id ?? "");

  const hear = (message: LiveMessage) => {
    const now = thing.value;
    if (!now) return;
    if (message.event === "log_lines" && message["job_id"] === now.id) log.hear(message);
    if (message.event === "job_progress" && message["id"] === now.id) setProgress({ percent: message["progress"] as number | null, words: String(message["message"] ?? "") });
    if (message.event === "job_failed" && message["id"] === now.id) setFailure(String(message["error"] ?? ""));
    const next = told(now, message);
    if (next !== now) thing.set(next);
  };
  // A live connection brings the lines, the state and the end. Only without one, the relay is asked.
  const resync = () => {
    if (lamp.value.state === "live") return;
    log.resync();
    thing.refresh();
  };
  useLive(job ? { action: "subscribe_logs", job_id: job.id } : null, hear, resync, () => ({ after: log.log.after() }));
  useLive(job ? { action: "subscribe_events", application: job.application } : null, () => undefined, () => undefined);

  if (!job) {
    return (
      <>
        <Head title={<Text text={name} />} above={{ href: "/jobs", title: "Jobs" }} />
        <NotYet of={thing} what="This job" />
      </>
    );
  }
  const over = ended(job.status);
  const denied = may("admin") ? undefined : "This needs the scope admin.";
  return (
    <>
      <Head
        title={<Text text={title} />}
        above={{ href: "/jobs", title: "Jobs" }}
        side={
          <>
            <a class="button quiet" href={`/jobs/${encodeURIComponent(job.id)}/console`} target="_blank" rel="noreferrer">Console alone</a>
            <Button disabled={Boolean(denied) || !job.events.length} title={denied ?? (job.events.length ? undefined : "Nothing was announced yet.")} onClick={() => setAct("replay")}>Replay notices</Button>
            <Button disabled={Boolean(denied)} title={denied} onClick={() => setAct("end")}>Report its end</Button>
            <Button kind="danger" disabled={over || !may("publish")} title={over ? "The job has ended." : undefined} onClick={() => setAct("cancel")}>Cancel job</Button>
          </>
        }
      >
        <span class="inline">
          <JobState status={job.status} /><JobMarks job={job} />
          {over ? <When at={job.finished_at ?? job.updated_at} /> : <For since={job.started_at ?? job.created_at} />}
        </span>
      </Head>
      <Stale of={thing} />
      {progress.percent !== null && !over && (
        <div class="job-progress">
          <Progress done={progress.percent} whole={100} label="Progress of the job" />
          <span class="num">{Math.round(progress.percent)} %</span> {progress.words && <span class="faint"><Text text={progress.words} /></span>}
        </div>
      )}
      {failure && job.status !== "succeeded" && <div class="notice bad"><Text text={failure} most={2000} /></div>}
      {job.claimed && !over && <div class="notice warn">A sender who cannot sign says that the job has ended: {line(job.claimed, 40)}. It counts once the platform confirms it.</div>}
      <Terminal log={log.log} version={log.version} waiting={waitingWords(job.status)} whole={log.whole} file={job.external_id} />
      <Section title="Facts">
        <div class="card">
          <Facts>
            <Fact name="Source"><a href={`/sources/${encodeURIComponent(job.source)}`}><Text text={job.source} /></a></Fact>
            <Fact name="Application"><Text text={applicationName(job.application)} /></Fact>
            <Fact name="Batch">{job.batch_id && <a href={`/batches/${encodeURIComponent(job.batch_id)}?application=${encodeURIComponent(job.application)}`}><Text text={job.batch_id} /></a>}</Fact>
            <Fact name="Deadline">{!over && <When at={job.deadline_at} />}</Fact>
            <Fact name="Registered"><When at={job.registered_at} /></Fact>
            <Fact name="Started"><When at={job.started_at} /></Fact>
            <Fact name="Ended"><When at={job.finished_at} /></Fact>
            <Fact name="Result">{job.result_event && <a href={`/events/${encodeURIComponent(job.result_event)}`}>Event of the result</a>}</Fact>
            {job.call_id && <Fact name="Call"><Id id={job.call_id} copy /></Fact>}
            {job.run_id && <Fact name="Run"><a href={`/jobs?run_id=${encodeURIComponent(job.run_id)}`}><Text text={job.run_id} /></a></Fact>}
            {job.project_id && <Fact name="Project"><Text text={job.project_id} /></Fact>}
            <Fact name="Id"><Id id={job.id} copy /></Fact>
            {(job.polls > 0 || job.next_poll_at) && <Fact name="Questions to its platform">{job.polls}{job.next_poll_at && !over && <>, the next <When at={job.next_poll_at} /></>}</Fact>}
            {Object.keys(job.metadata as object).length > 0 && <Fact name="Metadata"><code><Text text={JSON.stringify(job.metadata)} /></code></Fact>}
          </Facts>
        </div>
      </Section>
      <Announced job={job} />
      {act === "cancel" && <CancelJob job={job} close={() => setAct("")} done={(next) => thing.set({ ...job, ...next })} />}
      {act === "end" && <InjectEnd job={job} close={() => setAct("")} />}
      {act === "replay" && <ReplayNotices job={job} close={() => setAct("")} />}
    </>
  );
}

/** Events of the job, with the attempts at those who hear of them, its own webhooks first. */
function Announced({ job }: { job: JobDetail }) {
  const urls = new Map(job.webhooks.map((webhook) => [webhook.endpoint_id, webhook.url]));
  return (
    <Section title="Announced" side={job.webhooks.length === 0 ? <span class="faint">The job has no webhook of its own.</span> : undefined}>
      {job.webhooks.length > 0 && (
        <ul class="card rows">
          {job.webhooks.map((webhook) => (
            <li key={webhook.endpoint_id}>
              <span class="grow"><code><Text text={webhook.url} /></code></span>
              <span class="faint">{webhook.disabled ? "disabled" : `webhook of the job, ${plural(webhook.max_retries, "retry", "retries")}`}</span>
            </li>
          ))}
        </ul>
      )}
      {job.events.length === 0 && <Empty title="Nothing was announced yet"><p>Events of the job and their deliveries appear here as they happen.</p></Empty>}
      {job.events.map((event) => (
        <div class="card announced" key={event.id}>
          <div class="inline"><a href={`/events/${encodeURIComponent(event.id)}`}><Text text={event.type} /></a><span class="faint"><When at={event.created_at} /></span></div>
          {event.deliveries.length === 0 && <p class="faint">Nobody was to hear of it.</p>}
          <ul class="rows">
            {event.deliveries.map((delivery) => (
              <li key={delivery.id}>
                <DeliveryState state={delivery.state} />
                <span class="grow"><a href={`/events/${encodeURIComponent(event.id)}?open=${encodeURIComponent(delivery.id)}`}><code><Text text={urls.get(delivery.endpoint_id) ?? delivery.endpoint_id} /></code></a></span>
                <span class="faint num">{plural(delivery.attempts, "attempt")}</span>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </Section>
  );
}
