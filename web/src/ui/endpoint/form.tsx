// The form of an endpoint, and what the relay says about it while it is filled in.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useAction } from "../../core/action";
import { type Failure, call, send } from "../../core/api";
import type { EndpointCheck } from "../../core/contract";
import { plural } from "../../core/format";
import { asFailure } from "../../core/list";
import { useStore } from "../../core/store";
import { applications } from "../../core/scope";
import { useSettled } from "../../core/soon";
import { Button, Text, When } from "../basics";
import { AreaField, CheckField, SelectField, TextField } from "../fields";
import { Icon } from "../icons";
import { objectError } from "../json-error";
import { ActionError } from "../states";

/** The fields as they are written. Lists are separated by commas; the filter is JSON. */
export interface Draft {
  url: string;
  description: string;
  types: string;
  channels: string;
  filter: string;
  profile: string;
  original: boolean;
  forward: string;
  ordering: string;
  rate: string;
  timeout: string;
  delays: string;
  retries: string;
  retryOn: string;
  giveUpOn: string;
  successOn: string;
  scheme: string;
  secret: string;
}

export const EMPTY: Draft = {
  url: "", description: "", types: "", channels: "", filter: "", profile: "", original: false, forward: "", ordering: "", rate: "", timeout: "", delays: "", retries: "",
  retryOn: "", giveUpOn: "", successOn: "", scheme: "hmac-sha256", secret: "",
};

/** Profiles that endpoints can have, beside the relay's own form. */
const PROFILES = ["omtx-out", "hokusai", "hokusai-prefixed", "hokusai-deltaone", "batch", "wepp"];

const parts = (text: string) => text.split(/[\s,]+/).filter(Boolean);
const number = (text: string) => (text.trim() === "" ? null : Number(text));
const numbers = (text: string) => parts(text).map((one) => (/^\d+$/.test(one) ? Number(one) : one));

const FIELDS: Record<Exclude<keyof Draft, "filter">, [name: string, value: (draft: Draft) => unknown]> = {
  url: ["url", (draft) => draft.url.trim()],
  description: ["description", (draft) => draft.description],
  types: ["eventTypes", (draft) => (draft.types.trim() ? parts(draft.types) : null)],
  channels: ["channels", (draft) => (draft.channels.trim() ? parts(draft.channels) : null)],
  profile: ["profile", (draft) => draft.profile || null],
  original: ["body", (draft) => (draft.original ? "original" : null)],
  forward: ["forwardHeaders", (draft) => parts(draft.forward.toLowerCase())],
  ordering: ["ordering", (draft) => draft.ordering.trim() || null],
  rate: ["throttleRate", (draft) => number(draft.rate)],
  timeout: ["timeoutSeconds", (draft) => number(draft.timeout)],
  delays: ["delays", (draft) => (draft.delays.trim() ? numbers(draft.delays) : null)],
  retries: ["maxRetries", (draft) => number(draft.retries)],
  retryOn: ["retryOn", (draft) => numbers(draft.retryOn)],
  giveUpOn: ["giveUpOn", (draft) => numbers(draft.giveUpOn)],
  successOn: ["successOn", (draft) => numbers(draft.successOn)],
  scheme: ["signatureScheme", (draft) => draft.scheme],
  secret: ["secret", (draft) => draft.secret.trim() || null],
};

/**
 * The draft as JSON: only what differs from `before`. The filter goes as it was written, for its numbers may have more
 * digits than JavaScript keeps.
 */
export function written(draft: Draft, before: Draft): string {
  const body: Record<string, unknown> = {};
  for (const [key, [name, value]] of Object.entries(FIELDS) as [keyof typeof FIELDS, (typeof FIELDS)["url"]][])
    if (draft[key] !== before[key]) body[name] = value(draft);
  const text = JSON.stringify(body);
  if (draft.filter === before.filter) return text;
  return `${text.slice(0, -1)}${text === "{}" ? "" : ","}"filter":${draft.filter.trim() || "null"}}`;
}

function filterError(text: string): string | undefined {
  return text.trim() ? objectError(text, "A filter") : undefined;
}

type Verdict = { of: string; check?: EndpointCheck; failure?: Failure };

/** What the relay says about the draft: its address, and which of the newest events it would have received. */
function useCheck(application: string, text: string, wrong: boolean): Verdict | null {
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  useSettled(`${application} ${text}`, async () => {
    if (!application || wrong) return;
    try {
      const answer = await call("POST", "/v1/endpoints/check", { text: `{"application":${JSON.stringify(application)},"endpoint":${text}}` });
      setVerdict({ of: text, check: await answer.json() });
    } catch (error) {
      setVerdict({ of: text, failure: asFailure(error) });
    }
  });
  return verdict;
}

function Judged({ tone, children }: { tone: "good" | "bad" | "idle"; children: ComponentChildren }) {
  return (
    <p class={`judged ${tone}`}>
      <Icon name={tone === "good" ? "check" : tone === "bad" ? "cross" : "clock"} size={14} />
      <span>{children}</span>
    </p>
  );
}

function Checked({ verdict, url }: { verdict: Verdict | null; url: string }) {
  if (!verdict) return <p class="faint">Fill in a URL: the relay checks it, and tries what you choose with the newest events.</p>;
  if (verdict.failure) {
    const { failure } = verdict;
    return <Judged tone={failure.kind === "invalid" ? "bad" : "idle"}>{failure.kind === "missing" ? "This relay cannot check before it is created." : failure.message}</Judged>;
  }
  const { address, wanted } = verdict.check as EndpointCheck;
  return (
    <>
      {address && url && (address.ok ? <Judged tone="good">The address may be called.</Judged> : <Judged tone="bad">The address may not be called: {address.why}.</Judged>)}
      {wanted.of === 0
        ? <p class="faint">The application has no events yet to try this with.</p>
        : <Judged tone={wanted.matched ? "good" : "idle"}><strong>{wanted.matched} of {plural(wanted.of, "event")} {wanted.matched === 1 ? "matches" : "match"}.</strong> These are the newest of the application.</Judged>}
      {wanted.of > 0 && (
        <ul class="tried" aria-label="The newest events" tabIndex={0}>
          {wanted.events.map((event) => (
            <li key={event.id} class={event.matches ? "" : "faint"}>
              <span class={event.matches ? "good" : ""} title={event.matches ? "matches" : "does not match"}><Icon name={event.matches ? "check" : "cross"} size={12} /><span class="hidden">{event.matches ? "matches" : "does not match"}</span></span>
              <a href={`/events/${encodeURIComponent(event.id)}`} target="_blank" rel="noreferrer"><Text text={event.type} /></a>
              <When at={event.created_at} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/**
 * Creates an endpoint, or changes the one at `target`. `done` gets the answer's id. `before` holds what there is.
 */
export function EndpointForm({ application: given, target, before = EMPTY, done, cancel }: {
  application: string | undefined; target?: string; before?: Draft; done: (id: string) => void; cancel: string;
}) {
  const all = useStore(applications) ?? [];
  const [chosen, setChosen] = useState(given ?? "");
  const application = chosen || (all.length ? (all.find((one) => one.uid === "default") ?? all[0])?.id ?? "" : "");
  const [draft, setDraft] = useState(before);
  const field = <K extends keyof Draft>(name: K) => ({ value: draft[name], change: (value: Draft[K]) => setDraft((was) => ({ ...was, [name]: value })) });
  const wrong = filterError(draft.filter);
  const text = written(draft, before);
  // The check takes a whole draft; a change is checked as a new endpoint would be.
  const verdict = useCheck(application, target ? written(draft, EMPTY) : text, wrong !== undefined);
  const save = useAction(async (key: string, body: string) => {
    const path = `/api/v1/app/${encodeURIComponent(application)}/endpoint`;
    const made = await send<{ id: string }>(target ? "PATCH" : "POST", target ? `${path}/${encodeURIComponent(target)}` : path, undefined, { text: body, key });
    done(made.id);
  });
  const address = verdict?.check?.address;
  const open = (["channels", "profile", "forward", "ordering", "rate", "timeout", "delays", "retries", "retryOn", "giveUpOn", "successOn"] as const).some((name) => before[name] !== "");
  return (
    <div class="form-beside">
      <form class="form" onSubmit={(event) => {
        event.preventDefault();
        if (!wrong) void save.run(text);
      }}>
        {!target && all.length > 1 && !given && (
          <SelectField label="Application" value={application} change={setChosen} choices={all.map((one) => ({ value: one.id, title: one.name }))} help="Events of this application go to the endpoint." />
        )}
        <TextField label="URL" {...field("url")} required placeholder="https://example.com/webhooks" help="https, or a queue, an event bus or a Redis channel as docs/destinations.md writes them."
          {...(address && !address.ok && draft.url ? { error: `${(address.why ?? "")[0]?.toUpperCase() ?? ""}${(address.why ?? "").slice(1)}.` } : {})} />
        <TextField label="Description" {...field("description")} />
        <TextField label="Event types" {...field("types")} placeholder="invoice.*, job.failed" help="Separated by commas; a star stands for the rest. All types if this is empty." />
        <AreaField label="Filter" {...field("filter")} rows={4} code placeholder={'{"data": {"amount": {"$gt": 100}}}'} help="A pattern that contents must match, as JSON. All contents if this is empty." error={wrong} />
        <details class="more-fields" open={open}>
          <summary>Body, order and retries</summary>
          <div class="form">
            <SelectField label="Form of the body" {...field("profile")} choices={[{ value: "", title: "The relay's own" }, ...PROFILES.map((name) => ({ value: name, title: name }))]} />
            <CheckField label="Send the sender's own body, byte for byte" checked={draft.original} change={field("original").change} />
            <TextField label="Sender's headers to pass on" {...field("forward")} placeholder="x-github-event, x-hub-signature-256" />
            <TextField label="Channels" {...field("channels")} help="All channels if this is empty." />
            <TextField label="Order" {...field("ordering")} placeholder="job, channel, or $.data.customer.id" help="Deliveries with the same key go one after the other. No order if this is empty." />
            <div class="fields-row">
              <TextField label="Requests per second" {...field("rate")} type="number" placeholder="no limit" />
              <TextField label="Seconds for one try" {...field("timeout")} type="number" placeholder="30" />
              <TextField label="Retries" {...field("retries")} type="number" placeholder="9" />
            </div>
            <TextField label="Waits before retries, in seconds" {...field("delays")} placeholder="5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400" help="The last one repeats." />
            <div class="fields-row">
              <TextField label="Success on" {...field("successOn")} placeholder="2xx" />
              <TextField label="Retry on" {...field("retryOn")} placeholder="all others" />
              <TextField label="Give up on" {...field("giveUpOn")} placeholder="none" />
            </div>
            {!target && (
              <>
                <SelectField label="Signature" {...field("scheme")} choices={[{ value: "hmac-sha256", title: "HMAC-SHA256 with a shared secret" }, { value: "ed25519", title: "Ed25519 with a key pair" }]} />
                <TextField label="Signing secret" type="password" {...field("secret")} placeholder="one is made" help="whsec_ or whsk_ and base64." />
              </>
            )}
          </div>
        </details>
        <ActionError failure={save.failure} />
        <div class="form-foot">
          <Button type="submit" kind="primary" busy={save.busy} disabled={!draft.url.trim() || wrong !== undefined || !application || (target !== undefined && text === "{}")}>{target ? "Save" : "Create endpoint"}</Button>
          <a class="button" href={cancel}>Cancel</a>
        </div>
      </form>
      <section class="card beside" aria-label="Check" aria-live="polite"><h2>Check</h2><Checked verdict={verdict} url={draft.url} /></section>
    </div>
  );
}
