// One endpoint: how it fares, what was sent to it, how it is set up, and what can be done to it.

import { useState } from "preact/hooks";
import { get, path } from "../core/api";
import { count, line, plural, share } from "../core/format";
import { type Part, useList, useThing } from "../core/list";
import { useLive } from "../core/live";
import { boundsSentences, policySentence } from "../core/policy";
import { changeQuery, portal, useQuery, useTitle } from "../core/router";
import { applicationName, useApplication } from "../core/scope";
import { may } from "../core/session";
import { useSoon } from "../core/soon";
import { clock, exact, took } from "../core/time";
import { RANGES, failures, sum } from "../core/figures";
import type { Letter, Stats } from "../core/types";
import { Badge, Button, Fact, Facts, For, Head, Id, Section, Tag, Text, When } from "../ui/basics";
import { Bars } from "../ui/bars";
import { EndpointState } from "../ui/endpoint-state";
import { Headers, Remove, Rotate, SendAgain, SendExample, ShowSecret, Switch } from "../ui/endpoint/acts";
import { type Draft, EMPTY, EndpointForm } from "../ui/endpoint/form";
import { Receiver } from "../ui/endpoint/receiver";
import { type Known, contractPath, eventId, readEndpoint } from "../ui/endpoint/shared";
import { Segments, Tabs } from "../ui/fields";
import { MoreMenu } from "../ui/menu";
import { notAdmin } from "../ui/forbidden";
import { className } from "../ui/letter/parts";
import { ActionError, Further, Loading, Ready } from "../ui/states";
import { type Column, Table } from "../ui/table";
import { useAction } from "../core/action";

export default function Endpoint({ parts }: { parts: Record<string, string> }) {
  const id = parts["id"] ?? "";
  const application = useApplication();
  const thing = useThing(`${id} ${application}`, (signal) => readEndpoint(id, application, signal));
  const endpoint = thing.value;
  useTitle(endpoint ? line(endpoint.url, 60) : "Endpoint");
  return (
    <>
      <Head title={endpoint ? <Text text={endpoint.url} most={600} /> : "Endpoint"} above={{ href: "/endpoints", title: "Endpoints" }} side={endpoint && <Acts endpoint={endpoint} changed={thing.refresh} />}>
        {endpoint && <Standing endpoint={endpoint} />}
      </Head>
      <Ready of={thing} loaded={endpoint !== undefined} what="This endpoint">{endpoint && <Known endpoint={endpoint} changed={thing.refresh} />}</Ready>
    </>
  );
}

const REASONS: Record<string, string> = {
  by_owner: "its owner disabled it",
  gone: "it answered 410 Gone",
  failing: "no delivery succeeded for five days",
};

/** The state in a sentence: why, since when, until when. */
function Standing({ endpoint }: { endpoint: Known }) {
  const { health } = endpoint;
  return (
    <span class="standing">
      <EndpointState state={health.state} />
      <span>
        {health.state === "disabled" && <>because {REASONS[endpoint.disabled_reason ?? ""] ?? "it was disabled"}{health.since && <>, <When at={health.since} /></>}</>}
        {health.state === "open" && <>after {plural(health.failures, "failure")} in a row{health.since && <>, failing <For since={health.since} /></>}{health.until && <>; the next try is <When at={health.until} /></>}</>}
        {health.state === "failing" && <>{plural(health.failed_attempts, "failed attempt")}{health.since && <>, the first <When at={health.since} /></>}</>}
        {health.state === "slow" && <>it answers late, so that others are sent to first{health.until && <>, until <time>{clock(health.until)}</time></>}</>}
        {health.state === "healthy" && endpoint.last_attempt && <>last attempt <When at={endpoint.last_attempt.at} /></>}
      </span>
      {endpoint.description && <span class="soft"><Text text={endpoint.description} /></span>}
    </span>
  );
}

type Act = "example" | "secret" | "rotate" | "headers" | "switch" | "remove" | "recover" | "replay-missing";

function Acts({ endpoint, changed }: { endpoint: Known; changed: () => void }) {
  const [query] = useQuery();
  const [act, setAct] = useState<Act | null>(null);
  const [sends, edits] = [notAdmin("CreateAttempts"), notAdmin("ManageEndpoint")];
  const props = { endpoint, changed, close: () => setAct(null) };
  if (query.get("edit")) return null;
  return (
    <>
      {!(portal && sends) && <Button icon="bolt" disabled={sends !== undefined} title={sends} onClick={() => setAct("example")}>Send an example</Button>}
      {!(portal && edits) && <Button disabled={edits !== undefined} title={edits} onClick={() => changeQuery({ edit: "1" })}>Edit</Button>}
      <MoreMenu items={[
        { title: "Show the secret", icon: "eye", why: notAdmin("ViewEndpointSecret"), act: () => setAct("secret") },
        { title: "Rotate the secret", icon: "keys", why: notAdmin("ManageEndpointSecret"), act: () => setAct("rotate") },
        { title: "Headers", icon: "events", why: edits, act: () => setAct("headers") },
        { title: "Recover what failed", icon: "retry", why: sends, act: () => setAct("recover") },
        { title: "Replay what was never sent", icon: "play", why: sends, act: () => setAct("replay-missing") },
        { title: endpoint.disabled ? "Enable" : "Disable", icon: endpoint.disabled ? "play" : "pause", why: edits, act: () => setAct("switch") },
        { title: "Delete", icon: "cross", why: edits, danger: true, act: () => setAct("remove") },
      ]} />
      {act === "example" && <SendExample {...props} />}
      {act === "secret" && <ShowSecret {...props} />}
      {act === "rotate" && <Rotate {...props} />}
      {act === "headers" && <Headers {...props} />}
      {act === "switch" && <Switch {...props} />}
      {act === "remove" && <Remove {...props} />}
      {(act === "recover" || act === "replay-missing") && <SendAgain {...props} what={act} />}
    </>
  );
}

function draftOf(endpoint: Known): Draft {
  const list = (items: readonly unknown[]) => items.join(", ");
  return {
    ...EMPTY,
    url: endpoint.url, description: endpoint.description, types: list(endpoint.events), channels: list(endpoint.channels), filter: endpoint.filterText, profile: endpoint.profile ?? "",
    original: endpoint.body === "original", forward: list(endpoint.forward_headers ?? []), ordering: endpoint.ordering ?? "", rate: endpoint.rate_limit ? String(endpoint.rate_limit) : "",
    timeout: String(endpoint.timeout_seconds), delays: list(endpoint.delays), retries: String(endpoint.max_retries),
    retryOn: list(endpoint.retry_on), giveUpOn: list(endpoint.give_up_on), successOn: list(endpoint.success_on),
  };
}

function Known({ endpoint, changed }: { endpoint: Known; changed: () => void }) {
  const [query, change] = useQuery();
  const soon = useSoon(changed, 3000);
  useLive({ action: "subscribe_events", application: endpoint.application }, (message) => {
    if (message.event === "deliveries") soon();
  }, changed);
  if (query.get("edit") && may("admin", "ManageEndpoint")) {
    return <EndpointForm application={endpoint.application} target={endpoint.id} before={draftOf(endpoint)} cancel={`/endpoints/${encodeURIComponent(endpoint.id)}`} done={() => {
      changed();
      change({ edit: null }, true);
    }} />;
  }
  const tab = query.get("tab") ?? "attempts";
  const owner = { application: endpoint.application, id: endpoint.id };
  return (
    <>
      {query.get("created") && <Created endpoint={endpoint} />}
      <Series endpoint={endpoint} />
      <div class="section">
        <Tabs label="About this endpoint" value={tab} change={(value) => change({ tab: value === "attempts" ? null : value, status: null })} choices={[
          { value: "attempts", title: "Attempts" },
          { value: "waiting", title: endpoint.waiting.count ? `Waiting (${count(endpoint.waiting.count)}${endpoint.waiting.complete ? "" : "+"})` : "Waiting" },
          { value: "letters", title: endpoint.letters_waiting ? `Dead letters (${count(endpoint.letters_waiting)})` : "Dead letters" },
          { value: "settings", title: "Settings" },
        ]} />
        {tab === "attempts" && <Attempts {...owner} />}
        {tab === "waiting" && <Waiting {...owner} oldest={endpoint.waiting.oldest_at} />}
        {tab === "letters" && <Letters {...owner} />}
        {tab === "settings" && <Settings endpoint={endpoint} />}
      </div>
    </>
  );
}

/** After the creation: the receiver with the secret in it. */
function Created({ endpoint }: { endpoint: Known }) {
  const [secret, setSecret] = useState<string | undefined>();
  const act = useAction(async (_key: string) => setSecret((await get<{ key: string }>(`${contractPath(endpoint)}/secret`)).key));
  return (
    <section class="card created" aria-label="The receiver">
      <div class="section-head">
        <h2>The endpoint is there. This is its receiver</h2>
        <div class="side">
          {!secret && may("admin", "ViewEndpointSecret") && <Button icon="eye" busy={act.busy} onClick={() => void act.run()}>Fill in the secret</Button>}
          <button type="button" class="ghost" aria-label="Close" onClick={() => changeQuery({ created: null }, true)}>✕</button>
        </div>
      </div>
      <ActionError failure={act.failure} />
      <Receiver secret={secret} />
    </section>
  );
}

function Series({ endpoint }: { endpoint: Known }) {
  const [query, change] = useQuery();
  const range = RANGES.find((one) => one.value === (query.get("range") ?? "24h")) ?? RANGES[1];
  const since = () => new Date(Date.now() - range.length).toISOString();
  const stats = useThing(`${endpoint.id} ${range.value}`, (signal) => get<Stats>("/v1/stats", { application: endpoint.application, endpoint: endpoint.id, since: since(), step: range.step }, signal));
  const soon = useSoon(stats.refresh, 5000);
  useLive({ action: "subscribe_events", application: endpoint.application }, (message) => {
    if (message.event === "deliveries") soon();
  }, stats.refresh);
  const value = stats.value;
  const failed = value ? failures(value) : [];
  const good = value ? sum(value.series.delivered) : 0;
  const bad = sum(failed);
  return (
    <Section title="Attempts over time" side={<Segments label="Range" value={range.value} change={(next) => change({ range: next === "24h" ? null : next }, true)} choices={[...RANGES]} />}>
      <div class="card series">
        {value && (
          <>
            <p class="series-words"><strong class="num">{count(good)}</strong> delivered, <strong class={`num ${bad ? "bad" : ""}`}>{count(bad)}</strong> failed in {range.words}{good + bad > 0 && <span class="faint"> · {share(good, good + bad)} succeeded</span>}</p>
            <Bars good={value.series.delivered} bad={failed} names={["delivered", "failed"]} words={range.words} height={56} step={(n) => exact(value.times[n] ?? 0)} />
          </>
        )}
        {!value && (stats.failure ? <p class="faint">{stats.failure.message}</p> : <Loading rows={2} />)}
      </div>
    </Section>
  );
}

interface AttemptRow { id: string; msgId: string; responseStatusCode: number; responseDurationMs: number; response: string; status: number; triggerType: number; timestamp: string; msg?: { eventType: string } | null }

const ATTEMPTS: Column<AttemptRow>[] = [
  { key: "type", title: "Event", width: "minmax(130px, 1.2fr)", narrow: "main", render: (row) => <Text text={row.msg?.eventType ?? eventId(row.msgId)} /> },
  { key: "result", title: "Result", width: "minmax(108px, 0.7fr)", narrow: "side", render: (row) => <Badge tone={row.status === 0 ? "good" : "warn"}>{row.responseStatusCode || (row.status === 0 ? "Delivered" : "No answer")}</Badge> },
  { key: "answer", title: "Answer", width: "minmax(120px, 2fr)", from: 700, narrow: "sub", render: (row) => (row.response ? <span class="faint"><Text text={row.response} most={160} /></span> : <span class="faint">empty</span>) },
  { key: "took", title: "Took", width: "72px", from: 620, align: "end", render: (row) => took(row.responseDurationMs) },
  { key: "asked", title: "Asked by", width: "88px", from: 900, render: (row) => (row.triggerType === 1 ? <Tag>by hand</Tag> : <span class="faint">schedule</span>) },
  { key: "id", title: "Event id", width: "minmax(110px, 1fr)", from: 1000, render: (row) => <Id id={eventId(row.msgId)} /> },
  { key: "at", title: "When", width: "92px", narrow: "subside", align: "end", render: (row) => <When at={row.timestamp} /> },
];

interface Owner { application: string; id: string }

/** Follows the deliveries of an application: `refresh` is called at most once a second while something moves. */
function useDeliveries(application: string, refresh: () => void): void {
  const soon = useSoon(refresh, 1000);
  useLive({ action: "subscribe_events", application }, (message) => {
    if (message.event === "deliveries" && window.scrollY < 700) soon();
  }, refresh);
}

function Attempts({ application, id }: Owner) {
  const [query, change] = useQuery();
  const status = query.get("status") ?? "";
  const list = useList<AttemptRow>(`${id} ${status}`, (iterator, signal) =>
    get<Part<AttemptRow>>(path`/api/v1/app/${application}/attempt/endpoint/${id}`, { iterator, limit: 50, with_msg: true, status }, signal), (row) => row.id);
  useDeliveries(application, list.refresh);
  return (
    <>
      <div class="filters"><Segments label="Result" value={status} change={(value) => change({ status: value || null }, true)} choices={[{ value: "", title: "All" }, { value: "0", title: "Delivered" }, { value: "2", title: "Failed" }]} /></div>
      <Rows list={list} label="Attempts" columns={ATTEMPTS} id={(row) => row.id} href={(row) => `/events/${encodeURIComponent(eventId(row.msgId))}`} noun="attempts"
        none={status ? "No attempt ended so." : "Nothing was sent to this endpoint yet."} />
    </>
  );
}

interface WaitingRow { id: string; eventType: string; status: number; nextAttempt?: string | null; timestamp: string }

const WAITING: Column<WaitingRow>[] = [
  { key: "type", title: "Event", width: "minmax(130px, 1.4fr)", narrow: "main", render: (row) => <Text text={row.eventType} /> },
  { key: "state", title: "State", width: "minmax(108px, 0.8fr)", narrow: "side", render: (row) => <Badge tone={row.status === 1 ? "info" : "warn"}>{row.status === 1 ? "Pending" : "To be retried"}</Badge> },
  { key: "next", title: "Next try", width: "minmax(90px, 0.8fr)", narrow: "sub", render: (row) => <When at={row.nextAttempt} /> },
  { key: "id", title: "Event id", width: "minmax(110px, 1.2fr)", from: 760, render: (row) => <Id id={eventId(row.id)} /> },
  { key: "at", title: "Arrived", width: "92px", narrow: "subside", align: "end", render: (row) => <When at={row.timestamp} /> },
];

function Waiting({ application, id, oldest }: Owner & { oldest: string | null }) {
  const [query, change] = useQuery();
  const status = query.get("status") === "1" ? "1" : "3";
  const list = useList<WaitingRow>(`${id} ${status}`, (iterator, signal) =>
    get<Part<WaitingRow>>(`${contractPath({ id, application })}/msg`, { iterator, limit: 50, status, with_content: false, expanded_statuses: true }, signal), (row) => row.id);
  useDeliveries(application, list.refresh);
  return (
    <>
      <div class="filters">
        <Segments label="State" value={status} change={(value) => change({ status: value === "3" ? null : value }, true)} choices={[{ value: "3", title: "To be retried" }, { value: "1", title: "Not tried yet" }]} />
        {oldest && <span class="faint">The oldest has waited since <When at={oldest} plain />.</span>}
      </div>
      <Rows list={list} label="Waiting deliveries" columns={WAITING} id={(row) => row.id} href={(row) => `/events/${encodeURIComponent(eventId(row.id))}`} noun="deliveries"
        none={status === "3" ? "No delivery waits for a retry." : "No delivery waits for its first try."} />
    </>
  );
}

const LETTERS: Column<Letter>[] = [
  { key: "type", title: "Event", width: "minmax(130px, 1.2fr)", narrow: "main", render: (row) => <Text text={row.event_type ?? "–"} /> },
  { key: "class", title: "Reason", width: "minmax(110px, 1fr)", narrow: "side", render: (row) => <Badge tone="bad">{className(row.error_class)}</Badge> },
  { key: "error", title: "Error", width: "minmax(140px, 2fr)", from: 700, narrow: "sub", render: (row) => <span class="faint"><Text text={row.error_message ?? ""} most={200} /></span> },
  { key: "at", title: "Parked", width: "92px", narrow: "subside", align: "end", render: (row) => <When at={row.created_at} /> },
];

function Letters({ application, id }: Owner) {
  const list = useList<Letter>(id, async (iterator, signal) => {
    const part = await get<{ data: Letter[]; iterator?: string | null; has_more: boolean; scanned?: number }>("/v1/webhooks/dead-letter", { endpoint: id, application, state: "waiting", limit: 50, iterator }, signal);
    return { data: part.data, done: !part.has_more || !part.iterator, iterator: part.iterator ?? null, scanned: part.scanned ?? null };
  }, (row) => String(row.id));
  useDeliveries(application, list.refresh);
  return (
    <>
      {list.rows.length > 0 && <p class="filters"><a href={`/letters?endpoint=${encodeURIComponent(id)}&application=${encodeURIComponent(application)}`}>Retry, redrive or delete them in Dead letters</a></p>}
      <Rows list={list} label="Dead letters" columns={LETTERS} id={(row) => String(row.id)} href={(row) => `/letters/${encodeURIComponent(String(row.id))}`} noun="letters" none="No dead letter of this endpoint waits." />
    </>
  );
}

/** A list in a tab, with its states. */
function Rows<T>({ list, label, columns, id, href, noun, none }: { list: ReturnType<typeof useList<T>>; label: string; columns: Column<T>[]; id: (row: T) => string; href: (row: T) => string; noun: string; none: string }) {
  return (
    <Ready of={list} loaded={list.loaded} what={label} rows={5}>
      {list.rows.length === 0 && !list.more
        ? <p class="none">{none}</p>
        : <Table label={label} columns={columns} rows={list.rows} id={id} href={href} foot={<Further of={list} noun={noun} />} />}
    </Ready>
  );
}

function Settings({ endpoint }: { endpoint: Known }) {
  const list = (items: readonly unknown[], none: string) => (items.length ? <Text text={items.join(", ")} most={600} /> : <span class="faint">{none}</span>);
  return (
    <div class="settings">
      <Section title="What it receives">
        <div class="card stack">
          <Facts>
            <Fact name="Event types">{list(endpoint.events, "all")}</Fact>
            <Fact name="Channels">{list(endpoint.channels, "all")}</Fact>
            {endpoint.source && <Fact name="Source"><a href={`/sources/${encodeURIComponent(endpoint.source)}`}><Text text={endpoint.source} /></a></Fact>}
            <Fact name="Body">{endpoint.body === "original" ? "the sender's own" : (endpoint.profile ?? "the relay's own")}</Fact>
            <Fact name="Headers of the sender">{list(endpoint.forward_headers ?? [], "none")}</Fact>
            <Fact name="Headers of its own">{list(endpoint.headers, "none")}</Fact>
          </Facts>
          {endpoint.filterText && <div><p class="fact-name">Filter</p><pre class="answer" tabIndex={0}>{endpoint.filterText}</pre></div>}
        </div>
      </Section>
      <Section title="Policy">
        <div class="card stack">
          <p>{policySentence(endpoint)}</p>
          <p class="soft">{boundsSentences(endpoint).join(" ")}</p>
          {(endpoint.success_on.length > 0 || endpoint.retry_on.length > 0 || endpoint.give_up_on.length > 0) && (
            <Facts>
              {endpoint.success_on.length > 0 && <Fact name="Success only on">{endpoint.success_on.join(", ")}</Fact>}
              {endpoint.retry_on.length > 0 && <Fact name="Retried only on">{endpoint.retry_on.join(", ")}</Fact>}
              {endpoint.give_up_on.length > 0 && <Fact name="Given up on">{endpoint.give_up_on.join(", ")}</Fact>}
            </Facts>
          )}
        </div>
      </Section>
      <Section title="Signing secrets">
        <ul class="card rows">
          {endpoint.secrets.map((secret, n) => (
            <li key={n}>
              <span><code>{secret.fingerprint ?? "unreadable"}</code> <Tag>{secret.kind}</Tag></span>
              <span class="soft">{secret.signs_until ? <>replaced; signs as well until <When at={secret.signs_until} plain /></> : <>signs{secret.since && <> since <When at={secret.since} plain /></>}</>}</span>
            </li>
          ))}
        </ul>
      </Section>
      <Section title="Receiver"><Receiver /></Section>
      <Section title="Endpoint">
        <div class="card">
          <Facts>
            <Fact name="Id"><Id id={endpoint.id} copy /></Fact>
            {endpoint.uid && <Fact name="Name of its owner"><Id id={endpoint.uid} copy /></Fact>}
            <Fact name="Application"><Text text={applicationName(endpoint.application)} /></Fact>
            <Fact name="Kind"><Tag>{endpoint.kind}</Tag></Fact>
            <Fact name="Created"><When at={endpoint.created_at} plain /></Fact>
            <Fact name="Changed"><When at={endpoint.updated_at} plain /> <span class="faint">(version {endpoint.version})</span></Fact>
          </Facts>
        </div>
      </Section>
    </div>
  );
}
