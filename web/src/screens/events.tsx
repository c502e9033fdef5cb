// The list of events, newest first, with what comes in live.

import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../core/api";
import { plural } from "../core/format";
import { useKeys } from "../core/keys";
import { type Part, useList } from "../core/list";
import { type LiveMessage, useLiveAll } from "../core/live";
import { useQuery, useTitle } from "../core/router";
import { applicationName, useApplication, useFollowed } from "../core/scope";
import type { EventRow } from "../core/types";
import { Badge, Button, Head, Id, Tag, Text, When } from "../ui/basics";
import { type Filter, FilterBar, useFilters } from "../ui/filters";
import { Empty, Failed, Further, Loading, Stale } from "../ui/states";
import { type Column, Table } from "../ui/table";
import { EventState } from "../ui/event-state";

const FILTERS: Filter[] = [
  { name: "state", title: "State", choices: [
    { value: "dead", title: "Dead" }, { value: "failing", title: "Failing" }, { value: "pending", title: "Pending" },
    { value: "delivered", title: "Delivered" }, { value: "nobody", title: "Nobody hears of it" },
  ] },
  { name: "type", title: "Type", placeholder: "job.* or invoice.paid" },
  { name: "source", title: "Source", placeholder: "modal" },
  { name: "job", title: "Job", placeholder: "any id of the job" },
  { name: "batch", title: "Batch", placeholder: "any id of the batch" },
  { name: "id", title: "Id", placeholder: "at least 8 characters" },
  { name: "has", title: "Has", choices: [{ value: "conflict", title: "Conflicts" }, { value: "duplicate", title: "Duplicates" }] },
  { name: "since", title: "Since", placeholder: "2026-11-27T08:00:00Z" },
  { name: "until", title: "Until", placeholder: "2026-11-27T09:00:00Z" },
];

const COLUMNS: Column<EventRow>[] = [
  { key: "type", title: "Type", width: "minmax(150px, 1.6fr)", narrow: "main", render: (event) => <Text text={event.type} /> },
  { key: "state", title: "State", width: "minmax(120px, 1fr)", narrow: "side", render: (event) => <EventState event={event} /> },
  { key: "source", title: "Source", width: "minmax(90px, 1fr)", from: 640, narrow: "sub", render: (event) => (event.source ? <Text text={event.source} /> : <span class="faint">published</span>) },
  { key: "job", title: "Job", width: "minmax(110px, 1.2fr)", from: 900, render: (event) => (event.job_id ? <Id id={event.job_id} /> : <span class="faint">–</span>) },
  { key: "application", title: "Application", width: "minmax(90px, 0.8fr)", from: 1180, render: (event) => <Text text={applicationName(event.application)} /> },
  { key: "more", title: "Repeats", width: "110px", from: 760, render: (event) => <Repeats event={event} /> },
  { key: "id", title: "Id", width: "minmax(110px, 1fr)", from: 1040, render: (event) => <Id id={event.id} /> },
  { key: "at", title: "Arrived", width: "92px", narrow: "subside", align: "end", render: (event) => <When at={event.created_at} /> },
];

function Repeats({ event }: { event: EventRow }) {
  return (
    <>
      {event.conflicts > 0 && <Badge tone="warn">{plural(event.conflicts, "conflict")}</Badge>}
      {event.duplicates > 0 && <Tag>{plural(event.duplicates, "duplicate")}</Tag>}
    </>
  );
}

export default function Events() {
  useTitle("Events");
  const [query, change] = useQuery();
  const values = useFilters(FILTERS);
  const application = useApplication();
  const followed = useFollowed();
  const key = JSON.stringify([values, application]);
  const list = useList<EventRow>(
    key,
    (iterator, signal) => get<Part<EventRow>>("/v1/events", { ...values, application, iterator, limit: 50 }, signal),
    (event) => event.id,
  );
  const [paused, setPaused] = useState(false);
  const waiting = useRef(new Set<string>());
  const [fresh, setFresh] = useState(0);
  useEffect(() => {
    waiting.current.clear();
    setFresh(0);
  }, [key]);

  const show = () => {
    waiting.current.clear();
    setFresh(0);
    list.refresh();
  };
  const timer = useRef(0);
  const hear = (message: LiveMessage) => {
    if (message.event === "events") {
      for (const event of message["events"] as { id: string }[]) waiting.current.add(event.id);
      if (paused || window.scrollY > 120) return setFresh(waiting.current.size);
    }
    if (message.event !== "events" && message.event !== "deliveries") return;
    // What came is read once a second at most, and only while somebody can see it.
    timer.current ||= window.setTimeout(() => {
      timer.current = 0;
      if (!document.hidden) show();
    }, 1000);
  };
  useLiveAll(followed.map((one) => ({ action: "subscribe_events", application: one })), hear, () => { if (!paused) list.refresh(); });
  useKeys([{ keys: " ", label: "Pause and go on", act: () => setPaused(!paused) }]);
  useEffect(() => {
    const top = () => {
      if (window.scrollY < 20 && waiting.current.size && !paused) show();
    };
    window.addEventListener("scroll", top, { passive: true });
    return () => window.removeEventListener("scroll", top);
  });

  const filtered = Object.values(values).some(Boolean);
  return (
    <>
      <Head title="Events" side={<Button icon={paused ? "play" : "pause"} kind="quiet" onClick={() => setPaused(!paused)}>{paused ? "Go on" : "Pause"}</Button>} />
      <FilterBar filters={FILTERS} />
      {fresh > 0 && <button type="button" class="fresh" onClick={() => { window.scrollTo(0, 0); setPaused(false); show(); }}>{plural(fresh, "new event")}</button>}
      <Stale failure={list.loaded ? list.failure : null} asOf={list.asOf} retry={list.refresh} />
      {!list.loaded && (list.failure ? <Failed failure={list.failure} retry={list.refresh} what="The list of events" /> : <Loading />)}
      {list.loaded && list.rows.length === 0 && !list.more && (
        filtered
          ? <Empty title="No event fits all filters"><Button onClick={() => change(Object.fromEntries([...query.keys()].filter((name) => name !== "application").map((name) => [name, null])))}>Clear filters</Button></Empty>
          : <Empty title="No event has come yet"><p>It appears here the moment that it arrives.</p></Empty>
      )}
      {list.loaded && (list.rows.length > 0 || list.more) && (
        <Table label="Events" columns={COLUMNS} rows={list.rows} id={(event) => event.id} href={(event) => `/events/${encodeURIComponent(event.id)}`}
          foot={<Further more={list.more} reading={list.reading} scanned={list.scanned} found={list.rows.length} next={list.next} noun="events" />} />
      )}
    </>
  );
}
