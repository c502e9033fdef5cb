// The list of sources: who sends, and whether it is accepted.

import { get, path } from "../core/api";
import type { Status } from "../core/contract";
import { count, plural } from "../core/format";
import { type Part, useList, useThing } from "../core/list";
import { useLiveAll } from "../core/live";
import { useTitle } from "../core/router";
import { applicationName, useApplication, useFollowed } from "../core/scope";
import { may } from "../core/session";
import { useSoon } from "../core/soon";
import type { Refusals } from "../core/types";
import { Badge, Head, Section, Tag, Text, When } from "../ui/basics";
import { NewLink } from "../ui/new-link";
import { type KnownSource, useProfiles } from "../ui/source/shared";
import { Empty, Further, Ready } from "../ui/states";
import { type Column, Table } from "../ui/table";

type Row = KnownSource & { refused: number; silent: boolean };

const COLUMNS: Column<Row>[] = [
  { key: "name", title: "Name", width: "minmax(120px, 1.6fr)", narrow: "main", render: (row) => <Text text={row.name} /> },
  { key: "state", title: "State", width: "minmax(120px, 1fr)", narrow: "side", render: (row) => <State row={row} /> },
  { key: "profile", title: "Profile", width: "minmax(100px, 1fr)", from: 560, narrow: "sub", render: (row) => <Tag>{row.profile}</Tag> },
  { key: "safe", title: "Replay-safe", width: "104px", from: 770, render: (row) => <Safe row={row} /> },
  { key: "application", title: "Application", width: "minmax(100px, 1fr)", from: 900, render: (row) => <Text text={applicationName(row.application_id)} /> },
  { key: "secrets", title: "Secrets", width: "64px", from: 980, align: "end", render: (row) => <span class={row.secret_count ? "num" : "warn num"}>{row.secret_count}</span> },
  { key: "refused", title: "Refused, 24 h", width: "104px", narrow: "subside", align: "end", render: (row) => (row.refused ? <span class="bad num">{count(row.refused)}</span> : <span class="faint">0</span>) },
  { key: "last", title: "Accepted", width: "100px", narrow: "subside", align: "end", render: (row) => (row.activity?.last_accepted_at ? <When at={row.activity.last_accepted_at} /> : <span class="faint">–</span>) },
];

function State({ row }: { row: Row }) {
  if (row.silent) return <Badge tone="warn" title="It has sent nothing for longer than usual.">Silent</Badge>;
  if (row.refused) return <Badge tone="warn">Refusals</Badge>;
  if (row.activity && !row.activity.last_accepted_at) return <Badge tone="idle">Nothing yet</Badge>;
  return <Badge tone="good">{row.activity ? "Receiving" : "Ready"}</Badge>;
}

/** Whether a captured request is refused later. */
export function Safe({ row }: { row: Pick<KnownSource, "replay_safe" | "locked"> }) {
  if (row.replay_safe) return <span class="good">yes</span>;
  return row.locked ? <span class="good" title="It has signed in a replay-safe way; a weaker signature is refused since.">locked</span> : <span class="soft">no</span>;
}

export default function Sources() {
  useTitle("Sources");
  const application = useApplication();
  const list = useList<KnownSource>("sources", (iterator, signal) => get<Part<KnownSource>>("/v1/sources", { iterator, limit: 250 }, signal), (row) => row.name);
  const refusals = useThing("refusals", (signal) => get<Refusals>("/v1/refusals", { since: new Date(Date.now() - 86_400_000).toISOString() }, signal));
  const read = () => {
    list.refresh();
    refusals.refresh();
  };
  const soon = useSoon(read, 3000);
  useLiveAll(useFollowed().map((one) => ({ action: "subscribe_events", application: one })), (message) => {
    if (message.event === "events" || message.event === "refusals") soon();
  }, read);
  // The list does not say who is silent in relays that know it of one source at a time; their status does.
  const status = useThing("silent", (signal) => get<Partial<Status>>("/v1/status", undefined, signal));
  const silent = new Set(status.value?.silent_sources?.map((one) => one.name));
  const refused = new Map<string | null, number>();
  for (const one of refusals.value?.counts ?? []) refused.set(one.source ?? null, (refused.get(one.source ?? null) ?? 0) + one.count);
  const rows = list.rows.filter((row) => !application || row.application_id === application || row.application === application).map((row) => ({ ...row, refused: refused.get(row.name) ?? 0, silent: Boolean(row.activity?.silent_since) || silent.has(row.name) }));
  const names = new Set(list.rows.map((row) => row.name));
  const strangers = (refusals.value?.samples ?? []).filter((one) => one.reason === "unknown_source" && !names.has(one.source));
  return (
    <>
      <Head title="Sources" side={<NewLink href="/sources/~new" title="New source" />} />
      <Ready of={list} loaded={list.loaded} what="The list of sources">
      {rows.length === 0 && <NoSource all={list.rows.length === 0} />}
      {rows.length > 0 && (
        <Table label="Sources" columns={rows.some((row) => row.activity) ? COLUMNS : COLUMNS.filter((column) => column.key !== "last")} rows={rows} id={(row) => row.name} href={(row) => path`/sources/${row.name}`}
          foot={<Further of={list} found={rows.length} noun="sources" />} />
      )}
      </Ready>
      {!application && (refused.get(null) ?? 0) > 0 && (
        <Section title="Requests to names that no source has">
          <p class="soft">{plural(refused.get(null) ?? 0, "request")} in the last 24 hours. A sender may have a wrong URL.</p>
          {strangers.length > 0 && (
            <ul class="card rows" aria-label="Names">
              {[...new Map(strangers.map((one) => [one.source, one])).values()].slice(0, 10).map((one) => (
                <li key={one.source}><code><Text text={`/in/${one.source}`} most={100} /></code><span class="faint">{one.caller && <><Text text={one.caller} most={60} />, </>}<When at={one.at} /></span></li>
              ))}
            </ul>
          )}
        </Section>
      )}
    </>
  );
}

/** The list of senders: each leads to the form of its source. */
function NoSource({ all }: { all: boolean }) {
  const profiles = useProfiles();
  return (
    <Empty title={all ? "No source yet: nobody can send" : "No source of this application"}>
      <p>A source is the URL that a sender posts to, with how it signs. {may("admin") ? "Choose the sender:" : "Somebody with the scope admin can create one."}</p>
      {may("admin") && (
        <ul class="senders">
          {(profiles.value ?? []).map((profile) => <li key={profile.name}><a class="button" href={`/sources/~new?profile=${encodeURIComponent(profile.name)}`}>{profile.title}</a></li>)}
        </ul>
      )}
      {may("admin") && !profiles.value && <a class="button primary" href="/sources/~new">New source</a>}
    </Empty>
  );
}

