// Health: what a doctor would say of the relay, each line with what to do; versions, queues, the sweep, alarms.

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { get } from "../core/api";
import type { Status } from "../core/contract";
import { count, plural } from "../core/format";
import { useThing } from "../core/list";
import { useLiveAll } from "../core/live";
import { useTitle } from "../core/router";
import { applicationName, applications, useFollowed } from "../core/scope";
import { session } from "../core/session";
import { useSoon } from "../core/soon";
import { useStore } from "../core/store";
import { clock, span, took } from "../core/time";
import { Badge, Button, Fact, Facts, Head, Section, Text, type Tone, When } from "../ui/basics";
import { Ready } from "../ui/states";
import { type Column, Table } from "../ui/table";
import { told } from "../ui/trouble";
import { home } from "../core/mount";

interface Finding {
  name: string;
  tone: Tone;
  /** What is the case. */
  words: ComponentChildren;
  /** What to do about it. */
  act?: ComponentChildren;
}

type Queue = NonNullable<Status["queues"]>[number];

const MINUTE = 60_000;
const source = (name: string) => <a href={`/sources/${encodeURIComponent(name)}`}><Text text={name} most={60} /></a>;

/** Judges the answer of `GET /v1/status` as of its own time: an old page must not tell of a relay that stands still. */
export function findings(status: Status): Finding[] {
  const present = Date.parse(status.now);
  const found: Finding[] = [];
  const since = (moment: string) => present - Date.parse(moment);
  const { sweep, queues, oldest_waiting: oldest, letters } = status;
  for (const trouble of status.troubles ?? []) {
    const [words, act] = told(trouble);
    found.push({ name: "Trouble", tone: "bad", words: <><Text text={words} /> First seen {span(since(trouble.since))} ago.</>, act });
  }
  if (!sweep.last_round_at) found.push({ name: "Sweep", tone: "warn", words: "The sweep has ended no round yet.", act: "It runs every minute. Look at the logs of the function sweep if this stays." });
  else if (since(sweep.last_round_at) > 5 * MINUTE)
    found.push({ name: "Sweep", tone: "bad", words: <>The sweep ran last {span(since(sweep.last_round_at))} ago. Retries that are due wait for it.</>, act: "Look at the logs of the function sweep, and whether its schedule is on." });
  else found.push({ name: "Sweep", tone: "good", words: <>The sweep ran {span(since(sweep.last_round_at))} ago and took {took(sweep.took_ms)}.</> });
  if (queues) {
    const dead = queues.filter((queue) => queue.name.endsWith("dead-letters") && (queue.waiting ?? 0) > 0);
    const full = queues.filter((queue) => !queue.name.endsWith("dead-letters") && (queue.waiting ?? 0) > 1000);
    const mute = queues.filter((queue) => queue.waiting === null);
    for (const queue of dead) found.push({ name: "Queues", tone: "warn", words: <>{plural(queue.waiting ?? 0, "message")} in {queue.name}.</>, act: <>They become <a href="/letters">dead letters</a> within a minute. If the number stays, look at the logs of the function redeliver.</> });
    for (const queue of full) found.push({ name: "Queues", tone: "warn", words: <>{plural(queue.waiting ?? 0, "message")} wait in the queue {queue.name}.</>, act: "If the number grows, raise the concurrency of its function." });
    if (mute.length) found.push({ name: "Queues", tone: "warn", words: <>SQS did not tell the depth of {mute.map((queue) => queue.name).join(", ")}.</>, act: "Try again; if this stays, look at the rights of the function api." });
    if (!dead.length && !full.length && !mute.length) found.push({ name: "Queues", tone: "good", words: <>The queues are short: {plural(queues.reduce((all, queue) => all + (queue.waiting ?? 0), 0), "message")} wait in all.</> });
  }
  if (oldest && since(oldest.since) > 60 * MINUTE)
    found.push({ name: "Waiting", tone: "warn", words: <>A delivery of <Text text={applicationName(oldest.application)} most={60} /> waits since {span(since(oldest.since))}.</>, act: <><a href={`/events/${encodeURIComponent(oldest.event_id)}?open=${encodeURIComponent(oldest.delivery_id)}`}>Look at its attempts</a>: they say what its endpoint answers.</> });
  else found.push({ name: "Waiting", tone: "good", words: oldest ? <>The oldest delivery that waits was made {span(since(oldest.since))} ago.</> : "No delivery waits." });
  if (letters.waiting) found.push({ name: "Dead letters", tone: "warn", words: <>{letters.complete ? "" : "At least "}{plural(letters.waiting, "dead letter")} wait{letters.waiting === 1 ? "s" : ""}.</>, act: <><a href="/letters?state=waiting">See what failed</a>, and send them again when the endpoint answers.</> });
  else found.push({ name: "Dead letters", tone: "good", words: letters.complete ? "No dead letter waits." : "None of the latest letters waits." });
  for (const one of status.silent_sources)
    found.push({ name: "Sources", tone: "warn", words: <>{source(one.name)} is silent for {span(since(one.last_accepted_at))}; a request usually comes every {span(one.usual_gap_s * 1000)}.</>, act: "Look at its refusals, and at the webhook settings of the sender." });
  if (!status.silent_sources.length) found.push({ name: "Sources", tone: "good", words: "No source is silent for longer than usual." });
  for (const alarm of status.alarms ?? [])
    if (alarm.state === "alarm") found.push({ name: "Alarms", tone: "bad", words: <><Text text={alarm.name} most={80} /> is on for {span(since(alarm.since))}.{alarm.reason && <> <Text text={alarm.reason} /></>}</>, act: "The page about deploying says what each alarm means." });
  if (status.alarms && !status.alarms.some((alarm) => alarm.state === "alarm")) found.push({ name: "Alarms", tone: "good", words: "No alarm is on." });
  const rank = (one: Finding) => ["bad", "warn", "good"].indexOf(one.tone);
  return found.sort((one, other) => rank(one) - rank(other));
}

const number = (value: number | null) => (value === null ? <span class="faint" title="SQS did not say">–</span> : count(value));
const QUEUES: Column<Queue>[] = [
  { key: "name", title: "Queue", width: "minmax(140px, 2fr)", narrow: "main", render: (queue) => queue.name },
  { key: "waiting", title: "Waiting", width: "1fr", align: "end", narrow: "side", render: (queue) => number(queue.waiting) },
  { key: "flight", title: "Worked on", width: "1fr", align: "end", render: (queue) => number(queue.in_flight) },
  { key: "delayed", title: "For later", width: "1fr", align: "end", render: (queue) => number(queue.delayed) },
];

const WORDS: Partial<Record<Tone, string>> = { good: "Good", warn: "Look", bad: "Bad" };

export default function Health() {
  useTitle("Health");
  useStore(applications);
  const known = useStore(session);
  const thing = useThing<Status>("status", (signal) => get("/v1/status", undefined, signal));
  const followed = useFollowed();
  const soon = useSoon(thing.refresh, 5000);
  useEffect(() => {
    const seen = () => { if (!document.hidden) thing.refresh(); };
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, []);
  useLiveAll(followed.flatMap((one) => [{ action: "subscribe_events", application: one }, { action: "subscribe_letters", application: one }]), (message) => {
    if (["events", "deliveries", "letters"].includes(message.event)) soon();
  }, soon);
  const { value: status } = thing;
  const lines = status ? findings(status) : [];
  const trouble = lines.filter((line) => line.tone !== "good").length;
  return (
    <>
      <Head title="Health" side={<>{thing.asOf > 0 && <span class="faint num">as of {clock(thing.asOf)}</span>}<Button icon="retry" busy={thing.reading && !status} onClick={thing.refresh}>Look again</Button></>}>
        {status && (trouble ? `${plural(trouble, "line")} to look at.` : "Everything that was looked at is well.")}
      </Head>
      <Ready of={thing} loaded={status !== undefined} what="The state of the relay" />
      {status && (
        <>
          <ul class="lines" aria-label="What was looked at">
            {lines.map((one, n) => (
              <li key={`${one.name} ${n}`} class="line finding">
                <span class="finding-name"><Badge tone={one.tone}>{WORDS[one.tone] ?? one.tone}</Badge><span class="faint">{one.name}</span></span>
                <span class="finding-words">{one.words} {one.act && <span class="faint">{one.act}</span>}</span>
              </li>
            ))}
          </ul>
          <Section title="Relay">
            <div class="card">
              <Facts>
                <Fact name="Version">{status.version}</Fact>
                <Fact name="Address"><bdi>{known?.relay?.url ?? home}</bdi></Fact>
                <Fact name="Last round of the sweep">{status.sweep.last_round_at ? <><When at={status.sweep.last_round_at} plain />, {took(status.sweep.took_ms)}</> : "none yet"}</Fact>
                <Fact name="Clock of the relay"><When at={status.now} plain /></Fact>
                {status.pending && <Fact name="Deliveries to be attempted">{count(status.pending.count)}{status.pending.complete ? "" : "+"}</Fact>}
                <Fact name="This session">Scope {known?.scope}, until {known && <When at={known.expires_at} plain />}</Fact>
              </Facts>
            </div>
          </Section>
          <Section title="Queues">
            {status.queues ? <Table label="Queues" columns={QUEUES} rows={status.queues} id={(queue) => queue.name} /> : <p class="card faint">The queues serve all applications. They are shown to keys of the whole relay.</p>}
          </Section>
          <Section title="Alarms">
            {status.alarms === null ? <p class="card faint">Troubles and alarms are shown to keys of the whole relay.</p>
              : status.alarms.length === 0 ? <p class="card faint">No alarm went off in the last day. <code>relay dev</code> has none.</p>
              : (
                <ul class="lines">
                  {status.alarms.map((alarm) => (
                    <li key={alarm.name} class="line">
                      <span class="line-main"><Text text={alarm.name} />{alarm.reason && <span class="faint clamp"><Text text={alarm.reason} /></span>}</span>
                      <span class="line-side"><Badge tone={alarm.state === "alarm" ? "bad" : "good"}>{alarm.state === "alarm" ? "Alarm" : "Ended"}</Badge><span class="faint"><When at={alarm.since} /></span></span>
                    </li>
                  ))}
                </ul>
              )}
          </Section>
        </>
      )}
    </>
  );
}
