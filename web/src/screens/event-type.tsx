// One event type: its schema, its examples, and the endpoints that want it.

import { useState } from "preact/hooks";
import { useAction } from "../core/action";
import { getText, path, send } from "../core/api";
import { plural } from "../core/format";
import { useThing } from "../core/list";
import { changeQuery, go, portal, useQuery, useTitle } from "../core/router";
import { applicationName, useApplication } from "../core/scope";
import type { EndpointRow } from "../core/types";
import { wants } from "../core/wants";
import { Badge, Button, Code, Fact, Facts, Head, Section, Tag, Text, When } from "../ui/basics";
import { Confirm } from "../ui/dialog";
import { EndpointState } from "../ui/endpoint-state";
import { SendExample } from "../ui/endpoint/acts";
import { EventTypeForm, type TypeText, typeOf } from "../ui/event-type-form";
import { MoreMenu } from "../ui/menu";
import { lines, members, sourceOf } from "../ui/payload/json";
import { Loading, Ready } from "../ui/states";
import { useWanting } from "./event-types";
import { Segments } from "../ui/fields";
import { notAdmin } from "../ui/forbidden";

export default function EventType({ parts }: { parts: Record<string, string> }) {
  const name = parts["name"] ?? "";
  useTitle(name);
  const thing = useThing(name, async (signal) => typeOf(await getText(path`/api/v1/event-type/${name}`, undefined, signal)));
  const type = thing.value;
  return (
    <>
      <Head title={<Text text={name} />} above={{ href: "/event-types", title: "Event types" }} side={type && !portal && <Acts type={type} changed={thing.refresh} />}>
        {type && (
          <span class="standing">
            {type.archived ? <Badge tone="idle">Archived</Badge> : type.deprecated ? <Badge tone="warn">Deprecated</Badge> : <Badge tone="good">In use</Badge>}
            <span><Text text={type.description} most={600} /></span>
          </span>
        )}
      </Head>
      <Ready of={thing} loaded={type !== undefined} what="This event type">{type && <Shown type={type} />}</Ready>
    </>
  );
}

/** The examples of a schema, as they were written. */
function examplesOf(schema: string): string[] {
  const examples = sourceOf(schema, "examples");
  if (!examples || schema[examples.start] !== "[") return [];
  return members(schema, examples.start, 100).list.map((one) => lines(schema.slice(one.start, one.end)).join("\n"));
}

function Shown({ type }: { type: TypeText }) {
  const [query, change] = useQuery();
  const [version, schema] = type.versions.find(([one]) => one === query.get("version")) ?? type.versions[0] ?? ["", ""];
  const examples = schema ? examplesOf(schema) : [];
  const wanting = useWanting(useApplication());
  const [sendTo, setSendTo] = useState<EndpointRow | null>(null);
  const rows = wanting?.rows.filter((one) => wants(one.events, type.name));
  const why = notAdmin("CreateAttempts");
  return (
    <>
      <Section title="Endpoints that want it">
        {!rows && <Loading rows={3} />}
        {rows?.length === 0 && <p class="none">No endpoint wants it: events of this type go to nobody.</p>}
        {rows && rows.length > 0 && (
          <ul class="card rows">
            {rows.slice(0, 50).map((row) => (
              <li key={`${row.application} ${row.id}`}>
                <span class="grow cut"><a href={path`/endpoints/${row.id}`}><Text text={row.url} most={400} /></a> <span class="faint"><Text text={applicationName(row.application)} /></span></span>
                <EndpointState state={row.health.state} />
                <Button icon="bolt" disabled={why !== undefined || row.disabled} title={why ?? (row.disabled ? "The endpoint is disabled." : undefined)} onClick={() => setSendTo(row)}>Send an example</Button>
              </li>
            ))}
          </ul>
        )}
        {rows && rows.length > 50 && <p class="soft below">{plural(rows.length - 50, "more endpoint")}.</p>}
        {wanting && !wanting.all && <p class="soft below">Only the first {wanting.rows.length} endpoints were looked at.</p>}
      </Section>
      <Section title="Schema" side={type.versions.length > 1 && <Segments label="Version" value={version} change={(value) => change({ version: value }, true)} choices={type.versions.map(([one]) => ({ value: one, title: `Version ${one}` }))} />}>
        {schema ? <div class="schema"><Code text={schema} what="schema" /></div> : <p class="none">It has no schema. Payloads are not checked against it in any case: it tells receivers what to expect.</p>}
      </Section>
      {examples.length > 0 && (
        <Section title={examples.length === 1 ? "Example" : "Examples"}>
          <div class="stack">{examples.map((example, n) => <Code key={n} text={example} what={`example ${n + 1}`} />)}</div>
        </Section>
      )}
      <Section title="Event type">
        <div class="card">
          <Facts>
            <Fact name="Group">{type.groupName ? <Tag><Text text={type.groupName} /></Tag> : <span class="faint">none</span>}</Fact>
            <Fact name="Created"><When at={type.createdAt} plain /></Fact>
            <Fact name="Changed"><When at={type.updatedAt} plain /></Fact>
            <Fact name="Events"><a href={`/events?type=${encodeURIComponent(type.name)}`}>Show its events</a></Fact>
          </Facts>
        </div>
      </Section>
      {sendTo && <SendExample endpoint={sendTo} type={type.name} close={() => setSendTo(null)} />}
    </>
  );
}

function Acts({ type, changed }: { type: TypeText; changed: () => void }) {
  const [query] = useQuery();
  const act = query.get("act");
  const why = notAdmin();
  const close = () => changeQuery({ act: null }, true);
  return (
    <>
      <Button disabled={why !== undefined} title={why} onClick={() => changeQuery({ act: "edit" })}>Edit</Button>
      <MoreMenu items={[
        { title: type.archived ? "Bring it back" : "Archive", icon: type.archived ? "retry" : "letters", why, act: () => changeQuery({ act: "archive" }) },
        { title: "Delete", icon: "cross", danger: true, why, act: () => changeQuery({ act: "remove" }) },
      ]} />
      {act === "edit" && why === undefined && <EventTypeForm type={type} close={close} done={() => { changed(); close(); }} />}
      {act === "archive" && why === undefined && <Archive type={type} close={close} changed={changed} />}
      {act === "remove" && why === undefined && <Remove type={type} close={close} />}
    </>
  );
}

function Archive({ type, close, changed }: { type: TypeText; close: () => void; changed: () => void }) {
  const act = useAction(async (key: string) => {
    await send("PATCH", path`/api/v1/event-type/${type.name}`, { archived: !type.archived }, { key });
    changed();
    close();
  });
  return (
    <Confirm title={type.archived ? "Bring the event type back" : "Archive the event type"} action={type.archived ? "Bring it back" : "Archive"} act={act} close={close} confirm={() => void act.run()}>
      <p>{type.archived ? "Lists and portals show it again." : "Lists and portals leave it out. Endpoints that name it go on receiving it."}</p>
    </Confirm>
  );
}

function Remove({ type, close }: { type: TypeText; close: () => void }) {
  const act = useAction(async (key: string) => {
    await send("DELETE", `${path`/api/v1/event-type/${type.name}`}?expunge=true`, undefined, { key });
    go("/event-types", true);
  });
  return (
    <Confirm title="Delete the event type" action="Delete" kind="danger" typed={type.name} act={act} close={close} confirm={() => void act.run()}>
      <p>Its schema and examples are removed. Events of this type, and endpoints that name it, stay.</p>
    </Confirm>
  );
}
