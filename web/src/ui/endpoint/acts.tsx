// Dialogs of what can be done to an endpoint.

import { useEffect, useState } from "preact/hooks";
import { useAction } from "../../core/action";
import { get, path, send } from "../../core/api";
import { count, plural } from "../../core/format";
import { useThing } from "../../core/list";
import { useLive } from "../../core/live";
import { go } from "../../core/router";
import { seconds } from "../../core/policy";
import { useSoon } from "../../core/soon";
import { took } from "../../core/time";
import type { Task } from "../../core/types";
import { Badge, Button, Progress, Text } from "../basics";
import { Confirm, Dialog } from "../dialog";
import { AreaField, Field, SelectField, TextField } from "../fields";
import { Icon } from "../icons";
import { objectError } from "../json-error";
import { ShownSecret } from "../secret";
import { ActionError } from "../states";
import { type Known, contractPath, eventId, hostOf, taskId } from "./shared";

interface Props {
  endpoint: Known;
  close: () => void;
  changed: () => void;
}

type Target = Pick<Known, "id" | "application">;

/** Types that an example can be sent of although nobody wrote them down. */
const OWN = ["svix.ping", "job.started", "job.succeeded", "job.failed"];

export function SendExample({ endpoint, close, type }: { endpoint: Target; close: () => void; type?: string }) {
  const types = useThing("types", (signal) => get<{ data: { name: string; schemas?: Record<string, { examples?: unknown[] }> | null }[] }>("/api/v1/event-type", { limit: 250, with_content: true }, signal));
  const known = (types.value?.data ?? []).filter((one) => Object.keys(one.schemas ?? {}).length > 0);
  const [chosen, setChosen] = useState(type ?? OWN[0] ?? "");
  const [place, setPlace] = useState("0");
  const [own, setOwn] = useState("");
  const [sent, setSent] = useState<string | null>(null);
  const schema = Object.entries(known.find((one) => one.name === chosen)?.schemas ?? {}).sort((one, other) => Number(other[0]) - Number(one[0]))[0]?.[1];
  const examples = Array.isArray(schema?.examples) ? schema.examples.length : 0;
  const wrong = own.trim() ? objectError(own, "A payload") : undefined;
  const act = useAction(async (key: string, text: string) => {
    const made = await send<{ id: string }>("POST", `${contractPath(endpoint)}/send-example`, undefined, { text, key });
    setSent(made.id);
  });
  const submit = () => {
    const head = JSON.stringify({ eventType: chosen, ...(own.trim() || place === "0" ? {} : { exampleIndex: Number(place) }) });
    void act.run(own.trim() ? `${head.slice(0, -1)},"payload":${own}}` : head);
  };
  if (sent) return <Sent endpoint={endpoint} message={sent} close={close} again={() => setSent(null)} />;
  return (
    <Confirm title="Send an example" action="Send" close={close} act={act} disabled={wrong !== undefined} confirm={submit}>
        <p class="soft">It goes to this endpoint alone, signed and retried like any other event.</p>
        <SelectField label="Event type" value={chosen} change={(value) => { setChosen(value); setPlace("0"); }}
          choices={[...new Set([...known.map((one) => one.name), ...OWN, ...(type ? [type] : [])])].map((name) => ({ value: name, title: name }))} />
        {examples > 1 && <SelectField label="Example" value={place} change={setPlace} choices={Array.from({ length: examples }, (_, n) => ({ value: String(n), title: `${n + 1} of ${examples}` }))} />}
        <AreaField label="Payload of your own" value={own} change={setOwn} rows={4} code placeholder="the example of the type" error={wrong} />
    </Confirm>
  );
}

interface TriedOnce { status: number; responseStatusCode: number; responseDurationMs: number; response: string }

/** What became of an example, as it happens. */
function Sent({ endpoint, message, close, again }: { endpoint: Target; message: string; close: () => void; again: () => void }) {
  const attempts = useThing(message, (signal) => get<{ data: TriedOnce[] }>(path`/api/v1/app/${endpoint.application}/attempt/msg/${message}`, { limit: 1 }, signal));
  const soon = useSoon(attempts.refresh, 300);
  useLive({ action: "subscribe_events", application: endpoint.application }, (heard) => { if (heard.event === "deliveries") soon(); }, attempts.refresh);
  const last = attempts.value?.data[0];
  return (
    <Dialog title="Send an example" close={close}>
      <div class="stack" role="status">
        {last
          ? (
            <p>
              <Badge tone={last.status === 0 ? "good" : "warn"}>{last.status === 0 ? "Delivered" : "Failed"}</Badge>{" "}
              {last.responseStatusCode ? <>The receiver answered {last.responseStatusCode} in {took(last.responseDurationMs)}.</> : <Text text={last.response || "No answer came."} />}
            </p>
          )
          : <p><Badge tone="info">Sending</Badge> It is on its way.</p>}
        {last && last.responseStatusCode > 0 && last.response && <pre class="answer" tabIndex={0}><Text text={last.response} most={1024} /></pre>}
      </div>
      <div class="dialog-foot">
        <a class="button" href={`/events/${encodeURIComponent(eventId(message))}`}>Show the event</a>
        <Button onClick={again}>Send another</Button>
        <Button kind="primary" onClick={close}>Close</Button>
      </div>
    </Dialog>
  );
}

/** Reads the secret and shows it for a minute. */
export function ShowSecret({ endpoint, close, title = "Signing secret" }: Props & { title?: string }) {
  const [secret, setSecret] = useState<{ key: string; signatureScheme: string; jwksUrl: string } | null>(null);
  const act = useAction(async (_key: string) => setSecret(await get(`${contractPath(endpoint)}/secret`)));
  return (
    <Dialog title={title} close={close}>
      <div class="stack">
        {secret
          ? (
            <>
              <ShownSecret secret={secret.key} over={() => setSecret(null)} />
              {secret.signatureScheme === "ed25519" && <p class="soft">This is the public half of a key pair. <Text text={secret.jwksUrl} /> has it, too.</p>}
            </>
          )
          : <p class="soft">Receivers verify with it. Each look at it is written to the relay's log.</p>}
        <ActionError failure={act.failure} />
        <div class="dialog-foot">
          <Button onClick={close}>Close</Button>
          {!secret && <Button kind="primary" icon="eye" busy={act.busy} onClick={() => void act.run()}>Show for a minute</Button>}
        </div>
      </div>
    </Dialog>
  );
}

const GRACE = [86_400, 3600, 604_800, 0];

/** Replaces the secret. The old one signs beside the new one for a time. */
export function Rotate({ endpoint, close, changed }: Props) {
  const [grace, setGrace] = useState("86400");
  const [own, setOwn] = useState("");
  const [done, setDone] = useState(false);
  const act = useAction(async (key: string, body: object) => {
    await send("POST", `${contractPath(endpoint)}/secret/rotate`, body, { key });
    setDone(true);
    changed();
  });
  if (done) return <ShowSecret endpoint={endpoint} close={close} changed={changed} title="The secret was rotated" />;
  return (
    <Confirm title="Rotate the signing secret" action="Rotate" act={act} close={close}
      confirm={() => void act.run({ gracePeriodSeconds: Number(grace), key: own.trim() || undefined })}>
      <SelectField label="The old secret signs as well for" value={grace} change={setGrace} choices={GRACE.map((one) => ({ value: String(one), title: one ? seconds(one) : "no time: it is no longer to be trusted" }))}
        help="Each request has both signatures during this time, so that the receiver can change over." />
      <TextField label="New secret" type="password" value={own} change={setOwn} placeholder="one is made" help="whsec_ or whsk_ and base64, if it is to be a certain one." />
    </Confirm>
  );
}

/** The headers that are sent along. The values of secret ones stay where they are, and are not shown. */
export function Headers({ endpoint, close, changed }: Props) {
  const present = useThing(endpoint.id, (signal) => get<{ headers: Record<string, string>; sensitive: string[] }>(`${contractPath(endpoint)}/headers`, undefined, signal));
  const [rows, setRows] = useState<{ name: string; value: string; kept: boolean }[] | null>(null);
  useEffect(() => {
    const value = present.value;
    if (!value || rows) return;
    setRows([...Object.entries(value.headers).map(([name, value]) => ({ name, value, kept: false })), ...value.sensitive.map((name) => ({ name, value: "", kept: true }))]);
  }, [present.value]);
  const set = (place: number, change: Partial<{ name: string; value: string; kept: boolean }>) => setRows((was) => (was ?? []).map((row, n) => (n === place ? { ...row, ...change } : row)));
  const act = useAction(async (key: string, headers: Record<string, string>) => {
    await send("PUT", `${contractPath(endpoint)}/headers`, { headers }, { key });
    changed();
    close();
  });
  return (
    <Confirm title="Headers" action="Save" wide close={close} act={act} disabled={rows === null} confirm={() => void act.run(Object.fromEntries((rows ?? []).filter((row) => row.name.trim()).map((row) => [row.name.trim(), row.kept && !row.value ? "***" : row.value])))}>
        <p class="soft">They go along with every request to this endpoint. Values of names that say "secret" are kept sealed and never shown again.</p>
        <ActionError failure={present.failure} />
        {rows?.map((row, n) => (
          <div class="header-row" key={n}>
            <input class="input mono" aria-label={`Name of header ${n + 1}`} placeholder="x-name" spellcheck={false} value={row.name} onInput={(event) => set(n, { name: event.currentTarget.value, kept: false })} />
            <input class="input mono" aria-label={`Value of header ${n + 1}`} placeholder={row.kept ? "*** (kept)" : "value"} spellcheck={false} autoComplete="off" value={row.value} onInput={(event) => set(n, { value: event.currentTarget.value })} />
            <button type="button" class="ghost" aria-label={`Remove header ${row.name || n + 1}`} onClick={() => setRows(rows.filter((_, place) => place !== n))}><Icon name="cross" /></button>
          </div>
        ))}
        <div><Button icon="plus" onClick={() => setRows([...(rows ?? []), { name: "", value: "", kept: false }])}>Add a header</Button></div>
    </Confirm>
  );
}

/** Disables the endpoint, or enables it again. */
export function Switch({ endpoint, close, changed }: Props) {
  const act = useAction(async (key: string) => {
    await send("PATCH", contractPath(endpoint), { disabled: !endpoint.disabled }, { key });
    changed();
    close();
  });
  return (
    <Confirm title={endpoint.disabled ? "Enable this endpoint" : "Disable this endpoint"} action={endpoint.disabled ? "Enable" : "Disable"} kind={endpoint.disabled ? "primary" : "danger"}
      act={act} close={close} confirm={() => void act.run()}>
      <p>{endpoint.disabled
        ? "New events are sent again. What became a dead letter meanwhile stays one until it is redriven."
        : `Nothing is sent while it is disabled. ${endpoint.waiting.count ? `${plural(endpoint.waiting.count, "delivery", "deliveries")} that wait become dead letters.` : "Deliveries that would be due become dead letters."}`}</p>
    </Confirm>
  );
}

/** Removes the endpoint. */
export function Remove({ endpoint, close }: Props) {
  const act = useAction(async (key: string) => {
    await send("DELETE", contractPath(endpoint), undefined, { key });
    go("/endpoints", true);
  });
  return (
    <Confirm title="Delete this endpoint" action="Delete" kind="danger" typed={hostOf(endpoint.url)} act={act} close={close} confirm={() => void act.run()}>
      <p>Its secrets are destroyed. {endpoint.waiting.count > 0 && <strong>{plural(endpoint.waiting.count, "waiting delivery", "waiting deliveries")} will be cancelled. </strong>}Events and attempts stay for their retention.</p>
    </Confirm>
  );
}

const SINCE = [["3600", "the last hour"], ["86400", "the last 24 hours"], ["259200", "the last 3 days"], ["604800", "the last 7 days"], ["own", "a time of my own"]] as const;

/** Sends again what failed, or what the endpoint was never sent: counted first, then sent at a rate. */
export function SendAgain({ endpoint, close, what }: Props & { what: "recover" | "replay-missing" }) {
  const [since, setSince] = useState("86400");
  const [own, setOwn] = useState("");
  const [rate, setRate] = useState("10");
  const [begun, setBegun] = useState<{ id: string; dry: boolean; since: string } | null>(null);
  const act = useAction(async (key: string, body: { since: string; rate?: number; dryRun: boolean }) => {
    const made = await send<{ id: string }>("POST", `${contractPath(endpoint)}/${what}`, body, { key });
    setBegun({ id: taskId(made.id), dry: body.dryRun, since: body.since });
  });
  const start = (dryRun: boolean, from?: string) => {
    const moment = from ?? (since === "own" ? new Date(own) : new Date(Date.now() - Number(since) * 1000)).toISOString();
    void act.run({ since: moment, dryRun, rate: Number(rate) > 0 ? Number(rate) : undefined });
  };
  const title = what === "recover" ? "Recover what failed" : "Replay what was never sent";
  const invalid = since === "own" && Number.isNaN(new Date(own).getTime());
  return (
    <Confirm title={title} action="Count them" kind={begun ? "" : "primary"} cancel={begun && !begun.dry ? "Close" : "Cancel"} close={close} act={act} disabled={invalid}
      confirm={() => start(true)} more={begun?.dry && <Button kind="primary" busy={act.busy} onClick={() => start(false, begun.since)}>Send them again</Button>}>
        <p class="soft">{what === "recover"
          ? "Events whose deliveries to this endpoint failed are sent to it again."
          : "Events that this endpoint wants now and was never sent, because it was made or changed later, are sent to it."}</p>
        <SelectField label="Events of" value={since} change={(value) => { setSince(value); setBegun(null); }} choices={SINCE.map(([value, title]) => ({ value, title }))} />
        {since === "own" && (
          <Field label="Since" help="In local time.">
            {(props) => <input class="input" type="datetime-local" {...props} value={own} onInput={(event) => { setOwn(event.currentTarget.value); setBegun(null); }} />}
          </Field>
        )}
        <TextField label="Events per second" type="number" value={rate} change={setRate} />
        {begun && <TaskLine id={begun.id} dry={begun.dry} />}
    </Confirm>
  );
}

/** The progress of a task as it goes on. */
export function TaskLine({ id, dry }: { id: string; dry: boolean }) {
  const task = useThing(id, (signal) => get<Task>(path`/v1/tasks/${id}`, undefined, signal));
  const soon = useSoon(task.refresh, 500);
  useLive({ action: "subscribe_tasks" }, (message) => {
    if (message.event === "tasks" && (message["tasks"] as { id: string }[]).some((one) => one.id === id)) soon();
  }, task.refresh);
  const value = task.value;
  const over = value && value.state !== "running";
  return (
    <div class="notice" role="status">
      <div class="stack grow">
        {!value && "It is being started."}
        {value && dry && <span><strong>{count(value.matched)}</strong> of {plural(value.scanned, "event")} {over ? "would be sent again." : "so far; counting goes on."}</span>}
        {value && !dry && <span><strong>{count(value.redriven)}</strong> sent again{over ? "." : `, at ${value.rate} per second.`}</span>}
        {value && !dry && <Progress done={value.redriven} whole={Math.max(value.matched, value.redriven, 1)} label="Events sent again" />}
        <span>
          <a href={`/tasks/${encodeURIComponent(id)}`}>The task</a>
          {!over && <> · <button type="button" class="link" onClick={task.refresh}>Look again</button></>}
        </span>
      </div>
    </div>
  );
}
