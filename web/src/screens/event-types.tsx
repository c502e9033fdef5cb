// The catalogue of event types: what there is, and who wants it.

import { get, path } from "../core/api";
import { plural } from "../core/format";
import { type Part, useList, useThing } from "../core/list";
import { changeQuery, go, portal, useQuery, useTitle } from "../core/router";
import { useApplication } from "../core/scope";
import type { EndpointRow } from "../core/types";
import { wants } from "../core/wants";
import { Badge, Button, Head, Tag, Text, When } from "../ui/basics";
import { EventTypeForm } from "../ui/event-type-form";
import { Segments } from "../ui/fields";
import { notAdmin } from "../ui/forbidden";
import { Empty, Further, Ready } from "../ui/states";
import { type Column, Table } from "../ui/table";

interface Row {
  name: string;
  description: string;
  groupName?: string | null;
  archived: boolean;
  deprecated: boolean;
  updatedAt: string;
  schemas?: Record<string, unknown> | null;
  wanted: number | null;
}

const COLUMNS: Column<Row>[] = [
  { key: "name", title: "Name", width: "minmax(150px, 2fr)", narrow: "main", render: (row) => <Text text={row.name} /> },
  { key: "state", title: "State", width: "116px", narrow: "side", render: (row) => (row.archived ? <Badge tone="idle">Archived</Badge> : row.deprecated ? <Badge tone="warn">Deprecated</Badge> : <Badge tone="good">In use</Badge>) },
  { key: "description", title: "Description", width: "minmax(160px, 2fr)", narrow: "sub", render: (row) => <span class="soft"><Text text={row.description} most={160} /></span> },
  { key: "group", title: "Group", width: "minmax(80px, 0.8fr)", from: 900, render: (row) => (row.groupName ? <Tag><Text text={row.groupName} most={80} /></Tag> : <span class="faint">–</span>) },
  { key: "schema", title: "Schema", width: "84px", from: 800, render: (row) => { const has = Object.keys(row.schemas ?? {}).length; return has ? (has === 1 ? "yes" : plural(has, "version")) : <span class="faint">none</span>; } },
  { key: "wanted", title: "Wanted by", width: "104px", from: 710, align: "end", render: (row) => (row.wanted === null ? <span class="faint">–</span> : <span class={row.wanted ? "" : "faint"}>{row.wanted ? plural(row.wanted, "endpoint") : "nobody"}</span>) },
  { key: "at", title: "Changed", width: "92px", narrow: "subside", align: "end", render: (row) => <When at={row.updatedAt} /> },
];

/** Endpoints of the session, at most 1,000, to say which types they want. */
export function useWanting(application: string | undefined): { rows: EndpointRow[]; all: boolean } | undefined {
  return useThing(`endpoints ${application}`, async (signal) => {
    const rows: EndpointRow[] = [];
    let iterator: string | undefined;
    do {
      const part = await get<Part<EndpointRow>>("/v1/endpoints", { application, iterator, limit: 250 }, signal);
      rows.push(...part.data);
      iterator = part.done ? undefined : (part.iterator ?? undefined);
    } while (iterator && rows.length < 1000);
    return { rows, all: iterator === undefined };
  }).value;
}

export default function EventTypes() {
  useTitle("Event types");
  const [query] = useQuery();
  const archived = query.get("archived") === "1";
  const wanting = useWanting(useApplication());
  const list = useList<Omit<Row, "wanted">>(`types ${archived}`, (iterator, signal) =>
    get<Part<Omit<Row, "wanted">>>("/api/v1/event-type", { iterator, limit: 100, include_archived: archived, with_content: true }, signal), (row) => row.name);
  const rows = list.rows.map((row) => ({ ...row, wanted: wanting ? wanting.rows.filter((one) => !one.disabled && wants(one.events, row.name)).length : null }));
  const why = notAdmin();
  return (
    <>
      <Head title="Event types" side={!portal && <Button icon="plus" kind="primary" disabled={why !== undefined} title={why} onClick={() => changeQuery({ create: "1" })}>New event type</Button>} />
      <div class="filters"><Segments label="Shown" value={archived ? "1" : ""} change={(value) => changeQuery({ archived: value || null })} choices={[{ value: "", title: "In use" }, { value: "1", title: "Archived too" }]} /></div>
      <Ready of={list} loaded={list.loaded} what="The list of event types">
      {rows.length === 0 && !list.more && (
        <Empty title="No event type is written down">
          {!portal && <p>Events need none: each has the type that its sender or publisher names. A type that is written down has a description, a schema and examples, which tests send and portals show.</p>}
          {!portal && <p>The relay's own types, such as <code>job.succeeded</code>, are always there.</p>}
        </Empty>
      )}
      {(rows.length > 0 || list.more) && (
        <Table label="Event types" columns={COLUMNS} rows={rows} id={(row) => row.name} href={(row) => path`/event-types/${row.name}`}
          foot={<Further of={list} found={rows.length} noun="types" />} />
      )}
      </Ready>
      {query.get("create") && why === undefined && <EventTypeForm close={() => changeQuery({ create: null }, true)} done={(name) => go(path`/event-types/${name}`, true)} />}
    </>
  );
}
