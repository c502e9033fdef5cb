// The request that an event came with, and the bodies that contradict it.

import { useState } from "preact/hooks";
import { call, get, path } from "../../core/api";
import type { Conflicts } from "../../core/contract";
import { bytes as sized, plural, visible } from "../../core/format";
import { asFailure, useThing } from "../../core/list";
import { took } from "../../core/time";
import type { EventDetail } from "../../core/types";
import { Button, Fact, Facts, Text, When } from "../basics";
import { Icon } from "../icons";
import { Diff } from "../payload/diff-view";
import { fromBase64, Payload } from "../payload/payload";
import { save } from "../save";
import { ActionError, NotYet } from "../states";
import { Headers } from "./deliveries";
import type { Seen } from "./read";
import type { Failure } from "../../core/api";

type Request = NonNullable<EventDetail["request"]>;

/** Bytes of a body that are shown; the download has all. */
const SHOWN = 1 << 20;
/** Bytes of a body that the relay gives at once. */
const PART = 4 << 20;

async function body(id: string, from: number, most: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const options = { headers: { range: `bytes=${from}-${from + most - 1}` } };
  const answer = await call("GET", path`/v1/events/${id}/request`, signal ? { ...options, signal } : options);
  return new Uint8Array(await answer.arrayBuffer());
}

const ORDINALS = ["newest", "second newest", "third newest"];

/** Why the sender was believed, in a sentence. */
function verdictOf({ verdict }: Request): string {
  const { secret, timestamp_age_s: age } = verdict;
  const by = verdict.scheme === "token" ? "The token in the path held" : `The signature held (${verdict.scheme})`;
  const which = secret ? `, with the source's ${ORDINALS[secret.position - 1] ?? `${secret.position}th newest`} secret, ${secret.fingerprint}` : verdict.scheme === "token" ? "" : ", with a published key or a job's token";
  const when = age === null || age === undefined ? "" : age < 0 ? `; the sender's clock is ${took(-age * 1000)} ahead` : `; it was signed ${age === 0 ? "in the same second" : `${took(age * 1000)} before it came`}`;
  return `${by}${which}${when}.`;
}

export function RequestPart({ seen }: { seen: Seen }) {
  const { event } = seen;
  const request = event.request;
  const thing = useThing(request && request.bytes > 0 ? `request ${event.id}` : null, (signal) => body(event.id, 0, SHOWN, signal));
  const [failure, setFailure] = useState<Failure | null>(null);
  if (!request) return <p class="faint panel-none">There is no request: the event was published over the API, made by the relay or an operator, or its content was removed.</p>;
  const whole = async () => {
    const parts: BlobPart[] = [];
    setFailure(null);
    try {
      for (let at = 0; at < request.bytes; at += PART) parts.push(await body(event.id, at, PART));
      save(`${event.id}.bin`, parts, "application/octet-stream");
    } catch (error) {
      setFailure(asFailure(error));
    }
  };
  const packed = request.headers.find((header) => header.name === "content-encoding")?.value;
  return (
    <div class="stack">
      <p class="request-line"><strong>{request.method}</strong> <Text text={request.path + (request.query ? `?${request.query}` : "")} most={4096} /></p>
      <div class="notice good"><Icon name="check" /><div>{visible(verdictOf(request))}</div></div>
      <Facts>
        <Fact name="Received"><When at={request.received_at} plain /></Fact>
        <Fact name="Caller">{request.caller ? <Text text={request.caller} /> : "not known"}</Fact>
        <Fact name="Profile"><Text text={request.verdict.profile} /></Fact>
        <Fact name="Body">{sized(request.bytes)}{request.content_type && <>, <Text text={request.content_type} /></>}</Fact>
      </Facts>
      <Headers headers={request.headers} />
      {request.headers_left_out > 0 && <p class="faint">{plural(request.headers_left_out, "more header")} came and {request.headers_left_out === 1 ? "is" : "are"} not kept.</p>}
      {packed && <p class="faint">The body is packed as it came: <Text text={packed} />.</p>}
      <ActionError failure={failure} />
      {request.bytes === 0 ? <p class="faint">The body was empty.</p>
        : thing.value ? <Payload content={thing.value} name={`${event.id}.bin`} label="Body of the request" param="view" download={() => void whole()} />
        : <NotYet of={thing} what="The body" rows={6} />}
      {request.bytes > SHOWN && thing.value && <p class="faint">The first {sized(SHOWN)} of {sized(request.bytes)}. The download has all.</p>}
    </div>
  );
}

/** The bodies that came under the event's key and differ from it, each beside the one that counts. */
export function ConflictsPart({ seen }: { seen: Seen }) {
  const { event } = seen;
  const [at, setAt] = useState(0);
  const thing = useThing<Conflicts>(`conflicts ${event.id} ${event.conflicts}`, (signal) => get(path`/v1/events/${event.id}/conflicts`, undefined, signal));
  const kept = useThing(event.request ? `kept ${event.id}` : null, async (signal) => new TextDecoder().decode(await body(event.id, 0, SHOWN, signal)));
  if (event.conflicts === 0) return <p class="faint panel-none">No other body came under this event's key.</p>;
  if (!thing.value) return <NotYet of={thing} what="The list of conflicts" rows={6} />;
  const { data, conflicts } = thing.value;
  const one = data[at];
  const other = one?.body ?? null;
  const base = kept.value ?? seen.payload;
  return (
    <div class="stack">
      <p>{plural(conflicts, "request")} came under the same key with other bytes. The first one counts; subscribers heard nothing of {conflicts === 1 ? "this one" : "these"}.{conflicts > data.length && ` The newest ${data.length} are kept.`}</p>
      {data.length > 1 && (
        <div class="side">
          <Button icon="left" disabled={at === 0} onClick={() => setAt(at - 1)}>Newer</Button>
          <span class="num">{at + 1} of {data.length}</span>
          <Button disabled={at === data.length - 1} onClick={() => setAt(at + 1)}>Older</Button>
        </div>
      )}
      {one && <p class="faint">Came <When at={one.at} plain />, {sized(one.bytes)}{one.content_type && <>, <Text text={one.content_type} /></>}</p>}
      {one && (other !== null && base !== null
        ? (kept.value !== undefined || !event.request) && <Diff old={base} now={other} names={["The event", "Conflicting request"]} />
        : <Payload content={other ?? fromBase64(one.body_base64 ?? "")} name={`${event.id}-conflict.bin`} label="Conflicting body" />)}
      {one && (one.body ?? "").length > 0 && one.bytes > new TextEncoder().encode(one.body ?? "").length && <p class="faint">The body is cut: {sized(one.bytes)} came.</p>}
    </div>
  );
}
