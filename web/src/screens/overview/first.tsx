// The first minute: how the first event comes, and the event as it arrives.

import { useAction } from "../../core/action";
import { Failure, get, newKey, path, send } from "../../core/api";
import { applications } from "../../core/scope";
import { may, session } from "../../core/session";
import { useStore } from "../../core/store";
import type { EventRow } from "../../core/types";
import { Button, Code, Text, When } from "../../ui/basics";
import { EventState } from "../../ui/event-state";
import { ActionError } from "../../ui/states";
import { home } from "../../core/mount";

/** Makes the source `demo` if it is missing, and injects the end of a job as its sender would report it. */
async function sendOne(key: string, application: string | undefined): Promise<void> {
  try {
    await get("/v1/sources/demo");
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== "missing") throw error;
    await send("PUT", "/v1/sources/demo", { profile: "modal-omtx", secrets: [newKey() + newKey()], application });
  }
  await send("POST", path`/v1/sources/${"demo"}/inject`, {
    modal_call_id: `fc-${key.slice(0, 12)}`, status: "success", result_data: { hello: "world" }, metadata: { job_id: `first-${key.slice(0, 6)}` },
  }, { key });
}

function commands(url: string, application: string | undefined): string {
  const body = `{"profile":"modal-omtx","secrets":["'$(openssl rand -hex 32)'"]${application ? `,"application":"${application}"` : ""}}`;
  return [
    `curl -sS -X PUT ${url}/v1/sources/demo -H "Authorization: Bearer $KEY" \\\n  -d '${body}'`,
    `curl -sS ${url}/v1/sources/demo/inject -H "Authorization: Bearer $KEY" \\\n  -d '{"modal_call_id":"fc-1","status":"success","result_data":{"hello":"world"},"metadata":{"job_id":"first"}}'`,
  ].join("\n");
}

export function FirstMinute({ application, events }: { application?: string; events: EventRow[] }) {
  const known = useStore(session);
  const all = useStore(applications);
  const uid = all?.find((one) => one.id === application)?.uid ?? application;
  const act = useAction((key) => sendOne(key, application));
  const url = known?.relay?.url ?? home;
  const arrived = events.length > 0;
  return (
    <section class="empty first" aria-label="The first minute">
      <h2>{arrived ? "The first event is here" : "No event has come yet"}</h2>
      {!arrived && <p>An event comes from a <a href="/sources">source</a> and goes to <a href="/endpoints">endpoints</a>. These two commands make a source and its first event; <code>KEY</code> is an API key of the scope admin.</p>}
      {!arrived && <Code text={commands(url, uid)} what="commands" />}
      <div class="first-arrived" role="status" aria-live="polite">
        {events.map((event) => (
          <a key={event.id} class="line" href={`/events/${encodeURIComponent(event.id)}`}>
            <span class="line-main"><Text text={event.type} /> <span class="faint"><Text text={event.source ?? "published"} /></span></span>
            <span class="line-side"><EventState event={event} /> <span class="faint"><When at={event.created_at} /></span></span>
          </a>
        ))}
      </div>
      {arrived && events.some((event) => event.state === "nobody") && <p>Nobody hears of it. <a href="/endpoints">Create an endpoint</a>, and the next event is delivered.</p>}
      <ActionError failure={act.failure} />
      <div class="side">
        <Button kind={arrived ? "" : "primary"} icon="bolt" busy={act.busy} disabled={!may("admin")} onClick={() => void act.run()}>{arrived ? "Send another" : "Send one now"}</Button>
        {!may("admin") && <span class="help">Sending needs the scope admin; this session has {known?.scope}.</span>}
        {may("admin") && !arrived && <span class="help">Makes the source <code>demo</code> if it is missing. The event appears here.</span>}
      </div>
    </section>
  );
}
