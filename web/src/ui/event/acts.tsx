// What can be done with an event: send it again, take it along as a command, remove its content.

import { useEffect, useState } from "preact/hooks";
import { get, newKey, path, send } from "../../core/api";
import { useAction } from "../../core/action";
import type { DeliveryRequest, Profile } from "../../core/contract";
import { plural } from "../../core/format";
import { useThing } from "../../core/list";
import { session } from "../../core/session";
import type { Delivery } from "../../core/types";
import { Code, Text } from "../basics";
import { Confirm, Dialog } from "../dialog";
import { SelectField } from "../fields";
import { Failed, Loading } from "../states";
import { fromBase64 } from "../payload/payload";
import { curlOf, triggerOf } from "./commands";
import type { Seen } from "./read";
import { home } from "../../core/mount";

interface Replayed {
  deliveries: number;
  endpoints: string[];
}

/** Endpoints by URL, as far as it is known. */
export function Receivers({ ids, urls }: { ids: string[]; urls: Map<string, string> }) {
  return (
    <ul class="receivers">
      {ids.slice(0, 20).map((id) => <li key={id}><Text text={urls.get(id) ?? id} most={160} /></li>)}
      {ids.length > 20 && <li class="faint">and {ids.length - 20} more</li>}
    </ul>
  );
}

/** Sends the event again, to all that want it or to one endpoint. Says first who receives it. */
export function Replay({ seen, urls, one, done, close }: { seen: Seen; urls: Map<string, string>; one: boolean; done: () => void; close: () => void }) {
  const [endpoint, setEndpoint] = useState(one ? ([...urls.keys()][0] ?? "") : "");
  const body = endpoint ? { endpoint } : {};
  const dry = useThing<Replayed>(one && !endpoint ? null : `replay ${endpoint}`, (signal) =>
    send("POST", path`/v1/events/${seen.event.id}/replay`, { ...body, dry_run: true }, { signal, key: newKey() }));
  const replay = useAction(async (key) => {
    await send("POST", path`/v1/events/${seen.event.id}/replay`, body, { key });
    done();
  });
  const nobody = dry.value?.deliveries === 0;
  return (
    <Confirm title={one ? "Replay to one endpoint" : "Replay this event"} action="Replay" act={replay} close={close}
      disabled={!dry.value || nobody} confirm={() => void replay.run().then((did) => did && close())}>
      {one && (urls.size
        ? <SelectField label="Endpoint" value={endpoint} change={setEndpoint} choices={[...urls].map(([value, title]) => ({ value, title: title.slice(0, 120) }))} help="It receives the event whether or not its types and filter match." />
        : <p>The application has no endpoint.</p>)}
      {!dry.value && dry.failure && <Failed failure={dry.failure} retry={dry.refresh} what="This event" />}
      {!dry.value && !dry.failure && (!one || endpoint) && <Loading rows={2} />}
      {dry.value && (nobody
        ? <p>Nobody receives it: no endpoint's types, channels and filter match now.</p>
        : <>
          <p>{plural(dry.value.deliveries, "endpoint")} {dry.value.deliveries === 1 ? "receives" : "receive"} it, under the same <code>webhook-id</code>, with all attempts anew:</p>
          <Receivers ids={dry.value.endpoints} urls={urls} />
        </>)}
    </Confirm>
  );
}

/** Sends one delivery again. */
export function Again({ seen, delivery, urls, done, close }: { seen: Seen; delivery: Delivery; urls: Map<string, string>; done: () => void; close: () => void }) {
  const act = useAction(async (key) => {
    await send("POST", path`/api/v1/app/${seen.event.application}/msg/${seen.event.id}/endpoint/${delivery.endpoint_id}/resend`, undefined, { key });
    done();
  });
  const waits = delivery.state === "pending";
  return (
    <Confirm title={waits ? "Try now" : "Send again"} action={waits ? "Try now" : "Send"} act={act} close={close} confirm={() => void act.run().then((did) => did && close())}>
      <Receivers ids={[delivery.endpoint_id]} urls={urls} />
      <p>{waits ? "The next attempt is made at once instead of when it is due; while the endpoint's circuit is open, when that lets it through." : delivery.state === "delivered" ? "The endpoint has received this event already. It receives it once more, under the same webhook-id." : "All attempts of its policy begin anew."}</p>
    </Confirm>
  );
}

/** Removes what the event said. */
export function Expunge({ seen, done, close }: { seen: Seen; done: () => void; close: () => void }) {
  const { id, application } = seen.event;
  const act = useAction(async (key) => {
    await send("DELETE", path`/api/v1/app/${application}/msg/${id}/content`, undefined, { key });
    done();
  });
  return (
    <Confirm title="Remove the content" kind="danger" action="Remove for good" typed={id} act={act} close={close} confirm={() => void act.run().then((did) => did && close())}>
      <p>Payload, request and conflicting bodies are removed wherever they are kept. The event and its attempts stay; what still waits is not sent. It cannot be undone.</p>
    </Confirm>
  );
}

/** The request to an endpoint as a command that signs it with the reader's own secret. */
export function AsCurl({ seen, urls, close }: { seen: Seen; urls: Map<string, string>; close: () => void }) {
  const { deliveries } = seen.event;
  const [chosen, choose] = useState(deliveries[0]?.id ?? "");
  const thing = useThing<DeliveryRequest>(chosen ? `curl ${chosen}` : null, (signal) =>
    get<{ request: DeliveryRequest }>(path`/v1/events/${seen.event.id}/deliveries/${chosen}`, undefined, signal).then((answer) => answer.request));
  const delivery = deliveries.find((one) => one.id === chosen);
  const known = thing.value;
  const ready = !chosen || known || thing.failure;
  const body = known ? (known.body ?? fromBase64(known.body_base64 ?? "")) : seen.payload;
  const url = known?.url ?? (delivery && urls.get(delivery.endpoint_id)) ?? "http://127.0.0.1:9000/hook";
  return (
    <Dialog title="Copy as curl" close={close} wide>
      <div class="stack">
        <p>The request is signed again, with a secret that you put in the first line: the endpoint's, or your own receiver's.</p>
        {deliveries.length > 1 && <SelectField label="Endpoint" value={chosen} change={choose} choices={deliveries.map((one) => ({ value: one.id, title: (urls.get(one.endpoint_id) ?? one.endpoint_id).slice(0, 120) }))} />}
        {!ready ? <Loading rows={5} />
          : body === null ? <p class="notice warn">The payload is too large to show or was removed.</p>
          : <Code text={curlOf(seen.event.id, url, known?.headers ?? [], body)} />}
      </div>
    </Dialog>
  );
}

/** A command that sends a request like this event's to its source. */
export function AsTrigger({ seen, close }: { seen: Seen; close: () => void }) {
  const [profiles, setProfiles] = useState<Profile[] | null>(null);
  useEffect(() => {
    get<{ data: Profile[] }>("/v1/profiles").then(({ data }) => setProfiles(data), () => setProfiles([]));
  }, []);
  const { event } = seen;
  const relay = session.value?.relay?.url ?? home;
  const profile = event.request?.verdict.profile;
  return (
    <Dialog title="Copy as relay trigger" close={close} wide>
      <div class="stack">
        {event.source && profile
          ? <>
            <p>A new request of the same sender, signed with the source's secret. Its ids and times are new, so it is an event of its own.</p>
            {profiles === null ? <Loading rows={1} /> : <Code text={triggerOf(event, profile, profiles, relay)} />}
            <p class="faint"><code>--override</code> changes fields of the body; <code>--bad signature</code> sends one that must be refused.</p>
          </>
          : <p>This event came from no sender: it was published, or made by the relay or an operator. There is no request to imitate.</p>}
      </div>
    </Dialog>
  );
}
