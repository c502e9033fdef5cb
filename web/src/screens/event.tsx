// One event: why it stands as it does, what it said, how it came, where it went, and what can be done about it.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { get, path } from "../core/api";
import { plural } from "../core/format";
import { useKeys } from "../core/keys";
import { useThing } from "../core/list";
import { type LiveMessage, useLive } from "../core/live";
import { portal, useQuery, useTitle } from "../core/router";
import { applicationName } from "../core/scope";
import { may } from "../core/session";
import type { Delivery } from "../core/types";
import { Badge, Button, Fact, Facts, Head, Id, Section, Tag, Text, When } from "../ui/basics";
import { Countdown } from "../ui/countdown";
import { Again, AsCurl, AsTrigger, Expunge, Replay } from "../ui/event/acts";
import { Deliveries } from "../ui/event/deliveries";
import { type Seen, lastOf, readEvent } from "../ui/event/read";
import { ConflictsPart, RequestPart } from "../ui/event/request";
import { EventState } from "../ui/event-state";
import { sentenceOf } from "../ui/failures";
import { Tabs } from "../ui/fields";
import { notAdmin } from "../ui/forbidden";
import { Icon } from "../ui/icons";
import { More } from "../ui/more";
import { Payload } from "../ui/payload/payload";
import { Empty, NotYet, Stale } from "../ui/states";

type Act = "replay" | "replay-to" | "curl" | "trigger" | "expunge" | Delivery;

/** Why the event stands as it does, in a sentence or two. */
function Why({ seen: { event } }: { seen: Seen }): ComponentChildren {
  const { deliveries, progress, state, outcome } = event;
  if (outcome === "conflict") return <>It contradicts what its job had said before. It is kept, and subscribers do not hear of it.</>;
  if (outcome === "stale") return <>It came after its job had gone on. It is kept, and subscribers do not hear of it.</>;
  if (outcome === "noted") return <>It is kept for the record; subscribers are not told of it.</>;
  if (state === "nobody") return <>No endpoint wanted it when it arrived: none fitted by type, channel and filter.</>;
  const cancelled = progress.total - progress.delivered - progress.dead - progress.pending;
  const also = cancelled > 0 && <> {plural(cancelled, "delivery", "deliveries")} {cancelled === 1 ? "was" : "were"} cancelled.</>;
  if (state === "delivered") return <>{progress.delivered === 1 ? "Its delivery has" : `All ${progress.delivered} deliveries have`} arrived.{also}</>;
  const open = deliveries.find((one) => (state === "dead" ? one.state === "dead" : one.state === "pending" && (state === "pending" || one.attempts_made > 0)));
  const last = open && lastOf(open);
  const sentence = last && sentenceOf(last);
  const part = progress.total > 1 && <>{progress.delivered} of {progress.total} have arrived. </>;
  if (state === "dead") return <>{part}{progress.dead === 1 ? "One delivery has" : `${progress.dead} deliveries have`} used up all attempts. {sentence}{also}</>;
  if (state === "pending") return <>{part}{progress.pending === 1 ? "One delivery waits" : `${progress.pending} deliveries wait`} for the first attempt.{also}</>;
  return <>{part}{sentence} {open?.next_attempt_at && <>The next attempt is <Countdown at={open.next_attempt_at} />.</>}{also}</>;
}

export default function Event({ parts }: { parts: Record<string, string> }) {
  const id = parts["id"] ?? "";
  const thing = useThing<Seen>(id, (signal) => readEvent(id, signal));
  const event = thing.value?.event;
  useTitle(event ? event.type : "Event");
  const [act, setAct] = useState<Act | null>(null);
  const [query, change] = useQuery();
  const timer = useRef(0);
  const soon = () => {
    timer.current ||= window.setTimeout(() => {
      timer.current = 0;
      thing.refresh();
    }, 400);
  };
  const hear = (message: LiveMessage) => {
    const about = [...((message["deliveries"] as { event_id: string }[]) ?? []).map((one) => one.event_id), ...((message["events"] as { id: string }[]) ?? []).map((one) => one.id)];
    if (event && about.includes(event.id)) soon();
  };
  useLive(event ? { action: "subscribe_events", application: event.application } : null, hear, thing.refresh);
  const endpoints = useThing(event ? `endpoints ${event.application}` : null, async (signal) => {
    const part = await get<{ data: { id: string; url: string }[] }>(path`/api/v1/app/${event?.application ?? ""}/endpoint`, { limit: 250 }, signal);
    return new Map(part.data.map((one) => [one.id, one.url]));
  });
  const allowed = may("admin", "CreateAttempts");
  useKeys([{ keys: "r", label: "Replay (asks)", act: () => event && allowed && setAct("replay") }]);

  if (!thing.value || !event) {
    return (
      <>
        <Head above={{ href: "/events", title: "Events" }} title="Event" />
        <NotYet of={thing} what="This event" />
      </>
    );
  }
  const seen = thing.value;
  const urls = endpoints.value ?? new Map<string, string>();
  const close = () => setAct(null);
  const why = notAdmin("CreateAttempts");
  const removed = seen.payload === null;
  const tab = ["request", "conflicts"].find((one) => !portal && one === query.get("tab")) ?? "payload";
  const tabs = [
    { value: "payload", title: "Payload" },
    // The request of the sender, and what contradicted it, belong to the relay's owner.
    ...(portal ? [] : [{ value: "request", title: "Request" }]),
    ...(!portal && (event.conflicts > 0 || tab === "conflicts") ? [{ value: "conflicts", title: `Conflicts (${event.conflicts})` }] : []),
  ];
  const own = (params: Record<string, string>) => `/events?${new URLSearchParams({ application: event.application, ...params })}`;
  return (
    <>
      <Head
        above={{ href: "/events", title: "Events" }}
        title={<span class="title"><Text text={event.type} /> <EventState event={event} /></span>}
        side={
          <>
            {!(portal && why) && <Button icon="retry" kind="primary" disabled={!allowed} title={why} onClick={() => setAct("replay")}>Replay</Button>}
            <More label="More acts" title="More">
              <button type="button" class="menu-item" disabled={!allowed} title={why} onClick={() => setAct("replay-to")}><Icon name="endpoints" size={14} />Replay to…</button>
              <button type="button" class="menu-item" onClick={() => setAct("curl")}><Icon name="copy" size={14} />Copy as curl…</button>
              {!portal && <button type="button" class="menu-item" onClick={() => setAct("trigger")}><Icon name="bolt" size={14} />Copy as relay trigger…</button>}
              {!portal && <button type="button" class="menu-item bad" disabled={!allowed} title={why} onClick={() => setAct("expunge")}><Icon name="warning" size={14} />Remove the content…</button>}
            </More>
          </>
        }
      ><Why seen={seen} /></Head>
      <Stale of={thing} />
      <div class={thing.failure ? "old" : ""}>
        <div class="card">
          <Facts>
            <Fact name="Id"><Id id={event.id} copy /></Fact>
            <Fact name="Arrived"><When at={event.created_at} plain /></Fact>
            <Fact name="Source">{event.source ? portal ? <Text text={event.source} /> : <a href={`/sources/${encodeURIComponent(event.source)}`}><Text text={event.source} /></a> : "published over the API"}</Fact>
            <Fact name="Application"><Text text={applicationName(event.application)} /></Fact>
            {event.key && <Fact name="Key"><span class="cut"><Text text={event.key} most={2000} /></span></Fact>}
            {event.job_id && <Fact name="Job"><Id id={event.job_id} {...(portal ? {} : { href: `/jobs/${encodeURIComponent(event.job_id)}` })} /></Fact>}
            {event.batch_id && <Fact name="Batch"><Id id={event.batch_id} {...(portal ? {} : { href: `/batches/${encodeURIComponent(event.batch_id)}` })} /></Fact>}
            {event.channels.length > 0 && <Fact name="Channels">{event.channels.map((one) => <Tag key={one}><Text text={one} /></Tag>)}</Fact>}
            {(event.duplicates > 0 || event.conflicts > 0) && (
              <Fact name="Came again">
                {event.duplicates > 0 && <Tag>{plural(event.duplicates, "duplicate")}</Tag>}{" "}
                {event.conflicts > 0 && portal && <Badge tone="warn">{plural(event.conflicts, "conflict")}</Badge>}
                {event.conflicts > 0 && !portal && <a href="?tab=conflicts" onClick={(click) => { click.preventDefault(); change({ tab: "conflicts" }); }}><Badge tone="warn">{plural(event.conflicts, "conflict")}</Badge></a>}
              </Fact>
            )}
          </Facts>
        </div>
        <div class="halves">
          <Section title={event.deliveries.length ? `Deliveries (${event.deliveries.length})` : "Deliveries"}>
            {event.deliveries.length
              ? <Deliveries seen={seen} urls={urls} may={allowed} again={setAct} />
              : <Empty title="It went to nobody"><p>{urls.size ? `${plural(urls.size, "endpoint")} of the application did not want it.` : "The application has no endpoint yet."} Replay sends it to those that want it now.</p><a href={`/endpoints?application=${encodeURIComponent(event.application)}`}>Endpoints</a></Empty>}
          </Section>
          <Section title="Content" side={<a class="faint" href={own({ type: event.type })}>Events of this type</a>}>
            <Tabs label="What the event said" value={tab} choices={tabs} change={(value) => change({ tab: value === "payload" ? null : value, view: null })} />
            {tab === "request" ? <RequestPart seen={seen} />
              : tab === "conflicts" ? <ConflictsPart seen={seen} />
              : removed
                ? <p class="faint panel-none">The payload is too large to show, or its content was removed.{event.request && " The request may still have it."}</p>
                : <Payload content={seen.payload ?? ""} name={`${event.id}.json`} label="Payload" param="view" />}
          </Section>
        </div>
      </div>
      {act === "replay" && <Replay seen={seen} urls={urls} one={false} done={thing.refresh} close={close} />}
      {act === "replay-to" && <Replay seen={seen} urls={urls} one done={thing.refresh} close={close} />}
      {act === "curl" && <AsCurl seen={seen} urls={urls} close={close} />}
      {act === "trigger" && <AsTrigger seen={seen} close={close} />}
      {act === "expunge" && <Expunge seen={seen} done={thing.refresh} close={close} />}
      {act && typeof act === "object" && <Again seen={seen} delivery={act} urls={urls} done={thing.refresh} close={close} />}
    </>
  );
}
