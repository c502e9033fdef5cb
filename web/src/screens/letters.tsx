// Dead letters: what could not be delivered, alone or by endpoint and reason.

import { useEffect, useMemo, useState } from "preact/hooks";
import { get } from "../core/api";
import type { LetterGroups } from "../core/contract";
import { count } from "../core/format";
import { useKeys } from "../core/keys";
import { saveLines } from "../core/lines";
import { type Part, asFailure, useList, useThing } from "../core/list";
import { useLiveAll } from "../core/live";
import { useAtMost } from "../core/often";
import { portal, useQuery, useTitle } from "../core/router";
import { applicationName, useApplication, useFollowed } from "../core/scope";
import { may, session } from "../core/session";
import type { Letter, Stats } from "../core/types";
import { Button, Head, Tag, Text, When } from "../ui/basics";
import { Segments } from "../ui/fields";
import { notAdmin } from "../ui/forbidden";
import { FilterBar, useFilters } from "../ui/filters";
import { DeleteAll, EachLetter, Redrive } from "../ui/letter/acts";
import { Expires, FILTERS, LetterState, className, letters } from "../ui/letter/parts";
import { TaskBar } from "../ui/letter/task-bar";
import { Empty, Failed, Further, NotYet, Ready, Stale } from "../ui/states";
import { type Column, Table } from "../ui/table";

interface Answer {
  data: Letter[];
  has_more: boolean;
  iterator?: string | null;
  scanned?: number | null;
  total?: number | null;
}

const COLUMNS: Column<Letter>[] = [
  { key: "id", title: "Number", width: "76px", from: 700, render: (letter) => <span class="num">#{letter.id}</span> },
  { key: "url", title: "Endpoint", width: "minmax(150px, 2.4fr)", narrow: "main", render: (letter) => (letter.webhook_url ? <Text text={letter.webhook_url} /> : <span class="faint">message of a queue</span>) },
  { key: "why", title: "Error", width: "minmax(130px, 1.4fr)", narrow: "sub", render: (letter) => <><Tag>{className(letter.error_class)}</Tag><Text text={letter.error_message} /></> },
  { key: "state", title: "State", width: "minmax(106px, 0.7fr)", narrow: "side", render: (letter) => <LetterState letter={letter} /> },
  { key: "type", title: "Type", width: "minmax(100px, 1fr)", from: 1000, render: (letter) => <Text text={letter.event_type ?? "–"} /> },
  { key: "batch", title: "Batch", width: "minmax(80px, 0.7fr)", from: 1240, render: (letter) => (letter.batch_id ? <Text text={letter.batch_id} /> : <span class="faint">–</span>) },
  { key: "attempts", title: "Attempts", width: "66px", from: 880, align: "end", render: (letter) => letter.attempts },
  { key: "last", title: "Last attempt", width: "96px", from: 1110, align: "end", render: (letter) => <When at={letter.last_attempt_at} /> },
  { key: "retried", title: "Retried", width: "84px", from: 1320, align: "end", render: (letter) => <When at={letter.retried_at} /> },
  { key: "expires", title: "Expires", width: "84px", from: 800, align: "end", render: (letter) => <Expires at={letter.expires_at} /> },
  { key: "at", title: "Parked", width: "84px", narrow: "subside", align: "end", render: (letter) => <When at={letter.created_at} /> },
];

const letterPath = (letter: Letter) => `/letters/${letter.id}`;
const nothing = new Set<string>();

export default function Letters() {
  useTitle("Dead letters");
  const [query, change] = useQuery();
  const application = useApplication();
  // The session's own application is no choice: a filter that has nothing else would be refused as an empty one.
  const values = { ...useFilters(FILTERS), application: application === session.value?.application ? undefined : application };
  const key = JSON.stringify(values);
  const view = query.get("view") === "groups" ? "groups" : "letters";
  const [total, setTotal] = useState<number | null>(null);
  const list = useList<Letter>(key, async (iterator, signal): Promise<Part<Letter>> => {
    const part = await get<Answer>("/v1/webhooks/dead-letter", { ...values, iterator, limit: 50 }, signal);
    if (!iterator) setTotal(part.total ?? null);
    return { data: part.data, done: !part.has_more, iterator: part.iterator ?? null, scanned: part.scanned ?? null };
  }, (letter) => String(letter.id));
  const groups = useThing(view === "groups" ? key : null, (signal) => get<LetterGroups>("/v1/webhooks/dead-letter/groups", values, signal));
  const [chosen, setChosen] = useState(nothing);
  const [act, setAct] = useState<"" | "retry" | "delete" | "redrive" | "delete-all" | "export">("");
  useEffect(() => setChosen(nothing), [key]);
  const refresh = () => {
    list.refresh();
    if (view === "groups") groups.refresh();
  };
  const soon = useAtMost(refresh);
  useLiveAll(useFollowed().map((one) => ({ action: "subscribe_letters", application: one })), (message) => {
    if (message.event !== "letters") return;
    const gone = new Set((message["letters"] as { id: number; deleted?: boolean }[]).filter((one) => one.deleted).map((one) => one.id));
    if (gone.size) list.change((rows) => rows.filter((row) => !gone.has(row.id)));
    soon();
  }, refresh);
  const picked = useMemo(() => list.rows.filter((letter) => chosen.has(String(letter.id))), [list.rows, chosen]);
  const admin = may("admin", "CreateAttempts");
  const denied = notAdmin("CreateAttempts");
  const filtered = FILTERS.some((filter) => values[filter.name as keyof typeof values]);
  const empty = list.loaded && !list.rows.length && !list.more;
  useKeys([
    ...(admin && !empty ? [{ keys: "r", label: "Retry what is chosen, or redrive all that match", act: () => setAct(picked.length ? "retry" : "redrive") }] : []),
    { keys: "e", label: "Export all that match", act: () => setAct("export") },
  ]);
  const task = query.get("task");
  const started = (id: string) => {
    setAct("");
    setChosen(nothing);
    change({ task: id });
  };
  return (
    <>
      <Head title="Dead letters" side={!empty && (
        <>
          <Button icon="download" kind="quiet" onClick={() => setAct("export")}>Export</Button>
          {!portal && <Button kind="danger" disabled={!admin} title={denied} onClick={() => setAct("delete-all")}>Delete all…</Button>}
          {!(portal && denied) && <Button kind="primary" disabled={!admin} title={denied} onClick={() => setAct("redrive")}>Redrive all…</Button>}
        </>
      )}>{total !== null && list.loaded && !empty && <>{letters(total)}{filtered && " match"}</>}</Head>
      {act === "export" && <Export values={values} close={() => setAct("")} />}
      {task && <TaskBar key={task} id={task} close={() => change({ task: null })} over={refresh} />}
      <div class="filters-line">
        <FilterBar filters={FILTERS} />
        <Segments label="View" value={view} change={(value) => change({ view: value === "groups" ? value : null })} choices={[{ value: "letters", title: "Letters" }, { value: "groups", title: "By endpoint and error" }]} />
      </div>
      {view === "groups" && <Groups thing={groups} />}
      {view === "letters" && (
        <>
          <Ready of={list} loaded={list.loaded} what="The list of dead letters" />
          {empty && (filtered
            ? <Empty title="No dead letter fits all filters"><Button onClick={() => change(Object.fromEntries(FILTERS.map((filter) => [filter.name, null])))}>Clear filters</Button></Empty>
            : <None application={application} />)}
          {list.loaded && (list.rows.length > 0 || list.more) && (
            <Table label="Dead letters" columns={COLUMNS} rows={list.rows} id={(letter) => String(letter.id)} href={letterPath} chosen={admin ? chosen : undefined} choose={setChosen} total={total ?? undefined}
              foot={<Further of={list} noun="letters" />} />
          )}
          {picked.length > 0 && (
            <div class="bulk" role="group" aria-label="Chosen letters">
              <span class="num">{count(picked.length)} chosen</span>
              <Button kind="primary" onClick={() => setAct("retry")}>Retry</Button>
              {!portal && <Button kind="danger" onClick={() => setAct("delete")}>Delete</Button>}
              {(list.more || (total ?? 0) > picked.length) && <button type="button" class="link" onClick={() => setAct("redrive")}>{total !== null ? `Redrive all ${count(total)} that match…` : "Redrive all that match…"}</button>}
              <button type="button" class="link" onClick={() => setChosen(nothing)}>Clear</button>
            </div>
          )}
        </>
      )}
      {(act === "retry" || act === "delete") && <EachLetter chosen={picked} kind={act} close={() => { setAct(""); setChosen(nothing); }} done={refresh} />}
      {act === "redrive" && <Redrive values={values} close={() => setAct("")} started={started} />}
      {act === "delete-all" && <DeleteAll values={values} close={() => setAct("")} started={started} />}
    </>
  );
}

/** Nothing is parked, and how much was delivered meanwhile. */
function None({ application }: { application: string | undefined }) {
  const since = useMemo(() => new Date(Date.now() - 24 * 3600_000).toISOString(), []);
  const stats = useThing(`${application}`, (signal) => get<Stats>("/v1/stats", { since, application }, signal));
  const sum = (numbers: number[]) => numbers.reduce((all, one) => all + one, 0);
  const series = stats.value?.series;
  return (
    <Empty title="No dead letters">
      <p>{series ? `None; ${count(sum(series.delivered))} deliveries in 24 h, ${count(sum(series.parked))} parked.` : "A delivery whose attempts are used up is kept here with its payload."}</p>
    </Empty>
  );
}

type Group = LetterGroups["data"][number];

const GROUP_COLUMNS: Column<Group>[] = [
  { key: "url", title: "Endpoint", width: "minmax(180px, 3fr)", narrow: "main", render: (group) => (group.webhook_url ? <Text text={group.webhook_url} /> : <span class="faint">messages of a queue</span>) },
  { key: "class", title: "Error", width: "minmax(100px, 1fr)", narrow: "sub", render: (group) => <Tag>{className(group.error_class)}</Tag> },
  { key: "application", title: "Application", width: "minmax(90px, 1fr)", from: 860, render: (group) => <Text text={applicationName(group.application)} /> },
  { key: "count", title: "Letters", width: "70px", narrow: "side", align: "end", render: (group) => <strong class="num">{count(group.count)}</strong> },
  { key: "oldest", title: "Oldest", width: "84px", from: 760, align: "end", render: (group) => <When at={group.oldest_at} /> },
  { key: "newest", title: "Newest", width: "84px", narrow: "subside", align: "end", render: (group) => <When at={group.newest_at} /> },
  { key: "expires", title: "First expires", width: "94px", from: 640, align: "end", render: (group) => <Expires at={group.expires_at} /> },
];

function Groups({ thing }: { thing: ReturnType<typeof useThing<LetterGroups>> }) {
  const [query] = useQuery();
  if (!thing.value) return <NotYet of={thing} what="The list of groups" />;
  const { data, complete, scanned } = thing.value;
  const href = (group: Group) => {
    const next = new URLSearchParams(query);
    next.delete("view");
    next.set("error_class", group.error_class);
    if (group.endpoint_id) next.set("endpoint", group.endpoint_id);
    return `/letters?${next}`;
  };
  return (
    <>
      <Stale of={thing} />
      {!complete && <p class="notice warn" role="status">The newest {letters(scanned)} were counted; there are more.</p>}
      {data.length ? <Table label="Dead letters by endpoint and error" columns={GROUP_COLUMNS} rows={data} id={(group) => `${group.application} ${group.endpoint_id} ${group.error_class}`} href={href} /> : <Empty title="No dead letter fits all filters" />}
    </>
  );
}

/** Reads every letter that matches into a file. */
function Export({ values, close }: { values: Record<string, string | undefined>; close: () => void }) {
  const [lines, setLines] = useState(0);
  const [failure, setFailure] = useState<ReturnType<typeof asFailure> | null>(null);
  const [again, setAgain] = useState(0);
  useEffect(() => {
    let going = true;
    setFailure(null);
    saveLines("/v1/webhooks/dead-letter/export", values, "dead-letters.jsonl", (read) => {
      if (going) setLines(read);
      return going;
    }).then(() => going && close(), (error) => going && setFailure(asFailure(error)));
    return () => {
      going = false;
    };
  }, [again]);
  if (failure) return <Failed failure={failure} retry={() => setAgain(again + 1)} what="The export" />;
  return <div class="card task-bar" role="status"><span class="num">{letters(lines)} read for the export…</span><Button kind="quiet" onClick={close}>Cancel</Button></div>;
}
