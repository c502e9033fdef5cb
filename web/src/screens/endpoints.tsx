// The list of endpoints: where events go, and how each endpoint fares.

import { get } from "../core/api";
import { count, plural } from "../core/format";
import { type Part, useList } from "../core/list";
import { useLiveAll } from "../core/live";
import { changeQuery, useTitle } from "../core/router";
import { applicationName, useApplication, useFollowed } from "../core/scope";
import { may } from "../core/session";
import { useSoon } from "../core/soon";
import type { EndpointRow } from "../core/types";
import { Button, Head, Tag, Text, When } from "../ui/basics";
import { Bars } from "../ui/bars";
import { EndpointState } from "../ui/endpoint-state";
import { Receiver } from "../ui/endpoint/receiver";
import { type Filter, FilterBar, useFilters } from "../ui/filters";
import { NewLink } from "../ui/new-link";
import { Empty, Further, Ready } from "../ui/states";
import { type Column, Table } from "../ui/table";

const FILTERS: Filter[] = [{ name: "q", title: "Text", placeholder: "part of the URL, id or description" }];

const COLUMNS: Column<EndpointRow>[] = [
  { key: "url", title: "URL", width: "minmax(180px, 2.4fr)", narrow: "main", render: (row) => <Text text={row.url} most={400} /> },
  { key: "state", title: "State", width: "minmax(118px, 1.1fr)", narrow: "side", render: (row) => <EndpointState state={row.health.state} since={row.health.since} /> },
  { key: "day", title: "24 h", width: "112px", from: 700, narrow: "sub", render: (row) => <Bars good={row.series_24h.delivered} bad={row.series_24h.failed} names={["delivered", "failed"]} words="the last 24 hours" /> },
  { key: "events", title: "Events", width: "minmax(100px, 1.2fr)", from: 900, render: (row) => <Types types={row.events} /> },
  { key: "kind", title: "Kind", width: "minmax(70px, 0.7fr)", from: 980, render: (row) => <Tag>{row.profile ?? row.kind}</Tag> },
  { key: "application", title: "Application", width: "minmax(90px, 0.9fr)", from: 1080, render: (row) => <Text text={applicationName(row.application)} /> },
  { key: "letters", title: "Letters", width: "64px", from: 700, align: "end", render: (row) => (row.letters_waiting ? <a class="bad num" href={lettersHref(row)} title={plural(row.letters_waiting, "dead letter")}>{count(row.letters_waiting)}</a> : <span class="faint">0</span>) },
  { key: "last", title: "Last attempt", width: "minmax(136px, 0.8fr)", narrow: "subside", align: "end", render: (row) => <Last row={row} /> },
];

function Last({ row }: { row: EndpointRow }) {
  const last = row.last_attempt;
  if (!last) return <span class="faint">none</span>;
  return (
    <>
      {(last.error_class || (last.status ?? 200) >= 300) && <span class="bad num">{last.status ?? last.error_class}</span>}
      <When at={last.at} />
    </>
  );
}

/** The types that an endpoint wants, the first one written out. */
export function Types({ types }: { types: readonly string[] }) {
  if (types.length === 0) return <span class="faint">all</span>;
  return (
    <>
      <Text text={types[0] ?? ""} />
      {types.length > 1 && <span class="faint" title={types.join(", ")}>+{types.length - 1}</span>}
    </>
  );
}

function lettersHref(row: Pick<EndpointRow, "id" | "application">): string {
  return `/letters?endpoint=${encodeURIComponent(row.id)}&application=${encodeURIComponent(row.application)}`;
}

export default function Endpoints() {
  useTitle("Endpoints");
  const values = useFilters(FILTERS);
  const application = useApplication();
  const list = useList<EndpointRow>(
    JSON.stringify([values, application]),
    (iterator, signal) => get<Part<EndpointRow>>("/v1/endpoints", { ...values, application, iterator, limit: 50 }, signal),
    (row) => `${row.application} ${row.id}`,
  );
  // Each row is counted from a hundred deliveries: the list is read every three seconds at most.
  const soon = useSoon(list.refresh, 3000);
  useLiveAll(
    useFollowed().map((one) => ({ action: "subscribe_events", application: one })),
    (message) => {
      if (message.event === "deliveries") soon();
    },
    list.refresh,
  );
  return (
    <>
      <Head title="Endpoints" side={<NewLink href="/endpoints/~new" title="New endpoint" capability="ManageEndpoint" />} />
      <FilterBar filters={FILTERS} />
      <Ready of={list} loaded={list.loaded} what="The list of endpoints">
      {list.rows.length === 0 && !list.more && (
        values["q"]
          ? <Empty title="No endpoint holds this text"><Button onClick={() => changeQuery({ q: null })}>Clear the filter</Button></Empty>
          : (
            <Empty title="No endpoint yet: events reach nobody">
              <p>An endpoint is the URL of a receiver. Start one from this code, then {may("admin", "ManageEndpoint") ? <a href="/endpoints/~new">create its endpoint</a> : "ask somebody who may do so to create its endpoint"}. The secret is shown there.</p>
              <Receiver />
            </Empty>
          )
      )}
      {(list.rows.length > 0 || list.more) && (
        <Table label="Endpoints" columns={COLUMNS} rows={list.rows} id={(row) => `${row.application} ${row.id}`}
          href={(row) => `/endpoints/${encodeURIComponent(row.id)}`}
          foot={<Further of={list} noun="endpoints" />} />
      )}
      </Ready>
    </>
  );
}
