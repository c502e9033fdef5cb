// The list of events, newest first, with what comes in live.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../core/api";
import { plural } from "../core/format";
import { useKeys } from "../core/keys";
import { type Part, useList } from "../core/list";
import { type LiveMessage, useLiveAll } from "../core/live";
import { portal, useTitle } from "../core/router";
import { applicationName, useApplication, useFollowed } from "../core/scope";
import { may } from "../core/session";
import type { EventRow } from "../core/types";
import { Badge, Button, CopyButton, Head, Tag, Text, When } from "../ui/basics";
import { Countdown } from "../ui/countdown";
import { Export, ReplayMany } from "../ui/event/bulk";
import { Pushes, order } from "../ui/event/live-rows";
import { NothingFits, NothingYet } from "../ui/event/nothing";
import { EventState } from "../ui/event-state";
import { notAdmin } from "../ui/forbidden";
import { type Filter, FilterBar, useFilters } from "../ui/filters";
import { Empty, Further, Ready } from "../ui/states";
import { type Column, Table } from "../ui/table";

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

function columns(next: Map<string, string>): Column<EventRow>[] {
  return [
    { key: "type", title: "Type", width: "minmax(150px, 1.6fr)", narrow: "main", render: (event) => <Text text={event.type} /> },
    { key: "state", title: "State", width: "minmax(150px, 1.2fr)", narrow: "side", render: (event) => <State event={event} next={next.get(event.id)} /> },
    { key: "source", title: "Source", width: "minmax(90px, 1fr)", narrow: "sub", text: (event) => event.source, render: () => <span class="faint">published</span> },
    { key: "job", title: "Job", width: "minmax(110px, 1.2fr)", from: 900, code: true, text: (event) => event.job_id ?? "" },
    { key: "application", title: "Application", width: "minmax(90px, 0.8fr)", from: 1180, text: (event) => applicationName(event.application) },
    { key: "more", title: "Repeats", width: "110px", from: 760, render: (event) => <Repeats event={event} /> },
    { key: "id", title: "Id", width: "minmax(110px, 1fr)", from: 1040, code: true, text: (event) => event.id },
    { key: "at", title: "Arrived", width: "92px", narrow: "subside", align: "end", render: (event) => <When at={event.created_at} /> },
  ];
}

function State({ event, next }: { event: EventRow; next: string | undefined }) {
  return (
    <>
      <EventState event={event} />
      {next && event.state === "failing" && <span class="faint"><Countdown at={next} /></span>}
    </>
  );
}

function Repeats({ event }: { event: EventRow }) {
  return (
    <>
      {event.conflicts > 0 && <Badge tone="warn">{plural(event.conflicts, "conflict")}</Badge>}
      {event.duplicates > 0 && <Tag>{plural(event.duplicates, "duplicate")}</Tag>}
    </>
  );
}

/** The list is drawn anew at most every 300 ms, and read at most every second. */
const DRAWN = 300;
const READ = 1000;

export default function Events() {
  useTitle("Events");
  const values = useFilters(FILTERS);
  const application = useApplication();
  const followed = useFollowed();
  const key = JSON.stringify([values, application]);
  const filtered = Object.values(values).some(Boolean);
  const [paused, setPaused] = useState(false);
  const pushes = useMemo(() => new Pushes(), [key]);
  const anchored = () => !paused && window.scrollY < 120;
  const list = useList<EventRow>(
    key,
    (iterator, signal) => get<Part<EventRow>>("/v1/events", { ...values, application, iterator, limit: 50 }, signal),
    (event) => event.id,
    undefined,
    filtered ? undefined : (rows) => (anchored() ? pushes.merge(rows, application) : rows),
    order,
  );
  const [fresh, setFresh] = useState(0);
  const [chosen, choose] = useState(new Set<string>());
  const [act, setAct] = useState<"replay" | "export" | null>(null);
  const shown = useRef(new Set<string>());
  const timer = useRef(0);
  const readAt = useRef(0);
  const table = useMemo(() => columns(pushes.next), [pushes]);
  useEffect(() => {
    setFresh(0);
    choose(new Set<string>());
    return () => {
      clearTimeout(timer.current);
      timer.current = 0;
    };
  }, [key]);

  const work = () => {
    timer.current = 0;
    if (document.hidden) return soon(READ);
    if (!anchored()) {
      if (Date.now() - readAt.current < READ) return soon();
      readAt.current = Date.now();
      setFresh(pushes.fresh.size);
      return void look();
    }
    setFresh(0);
    if (filtered) pushes.fresh.clear();
    else {
      // A few new rows are marked; in a flood that would be everything.
      shown.current = new Set(pushes.fresh.size <= 12 ? pushes.fresh.keys() : []);
      list.change((rows) => pushes.merge(rows, application));
    }
    if (Date.now() - readAt.current >= READ) {
      readAt.current = Date.now();
      list.refresh();
    } else soon();
    void look();
  };
  const soon = (wait = DRAWN) => {
    timer.current ||= window.setTimeout(() => current.current(), wait);
  };
  const current = useRef(work);
  current.current = work;
  // Rows below the first part are read one by one, while they are in sight.
  const looking = useRef(false);
  const look = async () => {
    if (looking.current || !pushes.doubtful.size) return;
    looking.current = true;
    const drawn = [...document.querySelectorAll<HTMLElement>("[data-row]")].map((row) => row.dataset["row"] ?? "");
    const found = await pushes.look(drawn);
    looking.current = false;
    if (found.size) list.change((rows) => rows.map((row) => found.get(row.id) ?? row));
  };
  // The first part is the truth about its rows.
  useEffect(() => {
    for (const row of list.rows.slice(0, 50)) if (row.application) pushes.doubtful.delete(row.id);
  }, [list.asOf]);

  // What surely does not match is not counted as new. Whether the rest does is known when the list is read.
  const fits = useRef<(pushed: { type: string; source: string | null }) => boolean>(() => true);
  fits.current = ({ type, source }) => {
    const wanted = values["type"];
    if (wanted && (wanted.endsWith("*") ? !type.startsWith(wanted.slice(0, -1)) : type !== wanted)) return false;
    return !values["source"] || source === values["source"];
  };
  const sure = Object.entries(values).every(([name, value]) => !value || name === "type" || name === "source");
  const hear = useCallback((message: LiveMessage) => {
    const { events = [], deliveries = [] } = message as { events?: []; deliveries?: [] };
    pushes.hear(message.event === "events" ? events.filter(fits.current) : [], message.event === "deliveries" ? deliveries : []);
    if (message.event === "events" || message.event === "deliveries") soon();
  }, [pushes]);
  useLiveAll(followed.map((one) => ({ action: "subscribe_events", application: one })), hear, () => { if (anchored()) list.refresh(true); });
  useEffect(() => {
    const top = () => {
      if (window.scrollY < 20 && pushes.fresh.size && !paused) soon(0);
    };
    window.addEventListener("scroll", top, { passive: true });
    if (!paused) top();
    return () => window.removeEventListener("scroll", top);
  }, [paused, pushes]);
  const show = () => {
    window.scrollTo(0, 0);
    setPaused(false);
    setFresh(0);
    soon(0);
  };
  const allowed = may("admin", "CreateAttempts");
  useKeys([
    { keys: " ", label: "Pause and go on", act: () => setPaused(!paused) },
    { keys: "r", label: "Replay the chosen events (asks)", act: () => chosen.size > 0 && allowed && setAct("replay") },
    { keys: "e", label: "Export", act: () => setAct("export") },
    ...(chosen.size ? [{ keys: "Escape", label: "", act: () => choose(new Set<string>()) }] : []),
  ]);

  const ids = [...chosen];
  return (
    <>
      <Head title="Events" side={
        <>
          {!portal && <CopyButton text={() => location.href} what="link" label="Copy link" kind="quiet" />}
          <Button icon="download" kind="quiet" onClick={() => setAct("export")}>Export</Button>
          <Button icon={paused ? "play" : "pause"} kind="quiet" aria-pressed={paused} onClick={() => setPaused(!paused)}>{paused ? "Go on" : "Pause"}</Button>
        </>
      } />
      <FilterBar filters={FILTERS} />
      {fresh > 0 && <button type="button" class="fresh" onClick={show}>{sure ? plural(fresh, "new event") : "New events"}</button>}
      <Ready of={list} loaded={list.loaded} what="The list of events" />
      {list.loaded && list.rows.length === 0 && !list.more && (filtered ? <NothingFits filters={FILTERS} values={values} application={application} /> : portal ? <Empty title="No event has come yet"><p>Events appear here the moment that they arrive.</p></Empty> : <NothingYet application={application} />)}
      {list.loaded && (list.rows.length > 0 || list.more) && (
        <div class={list.failure ? "old" : ""}>
          <Table label="Events" columns={table} rows={list.rows} id={(event) => event.id} href={(event) => `/events/${encodeURIComponent(event.id)}`}
            chosen={chosen} choose={choose} mark={(event) => (shown.current.has(event.id) ? "new" : undefined)}
            foot={<Further of={list} noun="events" />} />
        </div>
      )}
      {chosen.size > 0 && (
        <div class="bulk" role="region" aria-label="Chosen events">
          <span class="num">{plural(chosen.size, "event")} chosen</span>
          <Button icon="retry" disabled={!allowed} title={notAdmin("CreateAttempts")} onClick={() => setAct("replay")}>Replay…</Button>
          <Button icon="download" onClick={() => setAct("export")}>Export…</Button>
          <Button kind="quiet" onClick={() => choose(new Set<string>())}>Clear</Button>
        </div>
      )}
      {act === "replay" && <ReplayMany ids={ids} application={application} done={list.refresh} close={() => setAct(null)} />}
      {act === "export" && <Export ids={ids} query={{ ...values, application }} close={() => setAct(null)} />}
    </>
  );
}
