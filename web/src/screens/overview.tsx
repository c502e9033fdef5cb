// The overview: figures of a time, lines over it, and what needs a look.

import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../core/api";
import type { Status } from "../core/contract";
import { RANGES, failures, sum } from "../core/figures";
import { count, plural, share } from "../core/format";
import { type Thing, useThing } from "../core/list";
import { useLiveAll } from "../core/live";
import { useQuery, useTitle } from "../core/router";
import { useApplication, useFollowed } from "../core/scope";
import { useStore } from "../core/store";
import { now, span, took } from "../core/time";
import type { EndpointRow, EventRow, Refusals, Stats } from "../core/types";
import { Figure, Head, Section } from "../ui/basics";
import { Segments } from "../ui/fields";
import { NotYet, Stale } from "../ui/states";
import { type ChartProps, Charts } from "./overview/chart";
import { FirstMinute } from "./overview/first";
import { Attention, Refused, Worst, worst } from "./overview/trouble";

/** Figures are written after what they count is told: a reading at once would miss it. In milliseconds. */
const SETTLE = 1500;
/** The least time between two readings that pushes cause, in milliseconds. */
const PAUSE = 5000;

export default function Overview() {
  useTitle("Overview");
  const [query, change] = useQuery();
  const application = useApplication();
  const followed = useFollowed();
  const range = RANGES.find((one) => one.value === query.get("range")) ?? RANGES[1];
  const who = application ?? "";
  const stats = useThing<Stats>(`${who} ${range.value}`, (signal) =>
    get("/v1/stats", { application, since: new Date(Date.now() - range.length).toISOString(), step: range.step }, signal));
  const status = useThing<Status>("status", (signal) => get("/v1/status", undefined, signal));
  const endpoints = useThing<{ data: EndpointRow[]; done: boolean }>(who, (signal) => get("/v1/endpoints", { application, limit: 250 }, signal));
  const refusals = useThing<Refusals>(`${who} ${range.value}`, (signal) =>
    get("/v1/refusals", { application, since: new Date(Date.now() - range.length).toISOString(), limit: 5 }, signal));
  const newest = useThing<{ data: EventRow[]; done: boolean }>(who, (signal) => get("/v1/events", { application, limit: 3 }, signal));

  // Nothing has come yet: the first steps stay until another screen is shown, above the figures that then appear.
  const none = newest.value !== undefined && newest.value.data.length === 0 && newest.value.done;
  const first = useRef("\u0000");
  if (none) first.current = who;
  const began = first.current === who;

  const all: Pick<Thing<unknown>, "refresh">[] = [stats, status, endpoints, refusals];
  const timer = useRef(0);
  const read = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const refresh = () => {
    timer.current = 0;
    read.current = Date.now();
    for (const one of all) one.refresh();
  };
  const soon = () => {
    if (began) newest.refresh();
    timer.current ||= window.setTimeout(refresh, Math.max(SETTLE, PAUSE - (Date.now() - read.current)));
  };
  useLiveAll(followed.flatMap((one) => [{ action: "subscribe_events", application: one }, { action: "subscribe_letters", application: one }]), (message) => {
    if (["events", "deliveries", "letters", "refusals"].includes(message.event)) soon();
  }, soon);

  // The figures of the range before stay until those of the new one are there.
  const held = useRef<Stats | undefined>(undefined);
  if (stats.value) held.current = stats.value;
  const shown = stats.value ?? held.current;
  const failure = stats.failure && shown ? stats.failure : null;
  return (
    <>
      <Head title="Overview" side={<Segments label="Range" value={range.value} change={(value) => change({ range: value === "24h" ? null : value })} choices={[...RANGES]} />} />
      <Stale of={{ failure, asOf: stats.asOf, refresh }} />
      {!shown && <NotYet of={{ failure: stats.failure, refresh }} what="The overview" />}
      {began && <FirstMinute events={newest.value?.data ?? []} application={application} />}
      {shown && !none && (
        <div class={stats.failure ? "overview stale" : "overview"}>
          <Attention status={status.value} endpoints={endpoints.value?.data} application={application} />
          <Figures stats={shown} status={status.value} words={range.words} />
          <LaterCharts stats={shown} words={range.words} />
          <div class="overview-lists">
            <Section title="Endpoints that need a look" side={<a href="/endpoints">All endpoints</a>}>
              {endpoints.value ? <Worst rows={worst(endpoints.value.data)} of={endpoints.value.data.length} all={endpoints.value.done} /> : <NotYet of={endpoints} what="The list of endpoints" rows={3} />}
            </Section>
            <Section title="Newest refusals" side={<a href="/sources">All sources</a>}>
              {refusals.value ? <Refused refusals={refusals.value} words={range.words} /> : <NotYet of={refusals} what="The list of refusals" rows={3} />}
            </Section>
          </div>
        </div>
      )}
    </>
  );
}

function Figures({ stats, status, words }: { stats: Stats; status: Status | undefined; words: string }) {
  const present = useStore(now);
  const { series } = stats;
  const since = `since=${encodeURIComponent(stats.since)}`;
  const delivered = sum(series.delivered);
  const failed = sum(failures(stats));
  const parked = sum(series.parked);
  const duplicates = sum(series.duplicates);
  const conflicts = sum(series.conflicts);
  const refused = sum(series.refused ?? []);
  const { first_attempt_ms: first, delivered_ms: arrived } = stats;
  const oldest = status?.oldest_waiting;
  const waits = oldest ? present - new Date(oldest.since).getTime() : 0;
  const repeats = [duplicates && plural(duplicates, "duplicate"), conflicts && plural(conflicts, "conflict")].filter(Boolean).join(", ");
  return (
    <section class="figures" aria-label={`Figures of ${words}`}>
      <Figure name="Received" value={sum(series.received)} href={`/events?${since}`} note={repeats || `${count(sum(series.announced))} announced`} />
      <Figure name="Delivered" value={delivered} href={`/events?state=delivered&${since}`} note={`by ${plural(sum(series.attempts), "attempt")}`} />
      <Figure name="Success rate" value={share(delivered, delivered + failed)} href={`/events?state=failing&${since}`}
        tone={failed > delivered ? "bad" : failed * 20 > delivered ? "warn" : undefined} note={failed ? `${plural(failed, "attempt")} failed` : "no attempt failed"} />
      <Figure name="To first attempt" value={took(first.total.p50)} href={`/events?${since}`} note={<>p95 {took(first.total.p95)}</>} />
      <Figure name="To delivery" value={took(arrived.total.p50)} href={`/events?state=delivered&${since}`} note={<>p95 {took(arrived.total.p95)}</>} />
      <Figure name="Oldest waiting" value={status ? (oldest ? span(waits) : "none") : "–"}
        href={oldest ? `/events/${encodeURIComponent(oldest.event_id)}?open=${encodeURIComponent(oldest.delivery_id)}` : "/events?state=pending"}
        tone={waits > 3_600_000 ? "warn" : undefined} note={oldest ? "of all deliveries" : status ? "no delivery waits" : "not known yet"} />
      <Figure name="Dead letters" value={status ? `${count(status.letters.waiting)}${status.letters.complete ? "" : "+"}` : "–"} href="/letters?state=waiting"
        tone={status?.letters.waiting ? "bad" : undefined} note={`${count(parked)} newly parked`} />
      <Figure name="Refused" value={refused} href="/sources" tone={refused ? "warn" : undefined} note="requests of sources" />
    </section>
  );
}

/** The charts, drawn after the figures were painted. */
function LaterCharts(props: ChartProps) {
  const [begun, setBegun] = useState(false);
  useEffect(() => {
    const frame = requestAnimationFrame(() => setTimeout(() => setBegun(true)));
    return () => cancelAnimationFrame(frame);
  }, []);
  return begun ? <Charts {...props} /> : <div class="charts-place" />;
}
