// Deliveries of an event, each with its attempts along a line of time.

import { useEffect, useRef } from "preact/hooks";
import { get, path } from "../../core/api";
import type { DeliveryRequest } from "../../core/contract";
import { plural, visible } from "../../core/format";
import { useThing } from "../../core/list";
import { changeQuery, useQuery } from "../../core/router";
import { took } from "../../core/time";
import type { Attempt, Delivery } from "../../core/types";
import { Badge, Button, CopyButton, Fact, Facts, Id, Tag, Text, When } from "../basics";
import { Countdown } from "../countdown";
import { DeliveryState } from "../event-state";
import { adviceOf, sentenceOf, wordOf } from "../failures";
import { Segments } from "../fields";
import { Icon } from "../icons";
import { fromBase64, Payload } from "../payload/payload";
import { NotYet } from "../states";
import { type Seen, lastOf, standing } from "./read";

/** The place that is open: what the address says, or the latest failure of a delivery that has not arrived, of a dead one first. */
function useOpen(deliveries: Delivery[]): string {
  const [query] = useQuery();
  const named = query.get("open");
  if (named !== null) return named;
  const failed = deliveries.filter((one) => one.state !== "delivered" && lastOf(one)?.error_class);
  const shown = failed.find((one) => one.state === "dead") ?? failed[0];
  return (shown && lastOf(shown)?.id) ?? "";
}

export function Deliveries({ seen, urls, again, may }: { seen: Seen; /** URLs of endpoints by id. */ urls: Map<string, string>; again: (delivery: Delivery) => void; may: boolean }) {
  const { deliveries } = seen.event;
  const open = useOpen(deliveries);
  const box = useRef<HTMLDivElement>(null);
  const [query] = useQuery();
  // A search leads to a delivery or an attempt, which may be below.
  useEffect(() => {
    const named = query.get("open");
    if (named) box.current?.querySelector(`[data-id="${CSS.escape(named)}"]`)?.scrollIntoView({ block: "nearest" });
  }, []);
  return (
    <div class="deliveries" ref={box}>
      {deliveries.map((delivery) => <One key={delivery.id} seen={seen} delivery={delivery} url={urls.get(delivery.endpoint_id)} open={open} again={again} may={may} />)}
    </div>
  );
}

const ACTS: Record<string, string> = { pending: "Try now", dead: "Retry", delivered: "Send again", cancelled: "Send" };

function One({ seen, delivery, url, open, again, may }: { seen: Seen; delivery: Delivery; url: string | undefined; open: string; again: (delivery: Delivery) => void; may: boolean }) {
  const { event } = seen;
  const last = lastOf(delivery);
  const where = url ?? last?.url;
  const attempts = [...delivery.attempts].sort((one, other) => (one.at < other.at ? 1 : -1));
  const left = delivery.attempts_made - attempts.length;
  const number = (n: number) => delivery.attempts_made - n;
  return (
    <article class={`delivery card ${open === delivery.id ? "named" : ""}`} data-id={delivery.id} aria-label={`Delivery to ${visible(where ?? delivery.endpoint_id)}`}>
      <header class="delivery-head">
        <div class="delivery-where">
          <a href={`/endpoints/${encodeURIComponent(delivery.endpoint_id)}?application=${encodeURIComponent(event.application)}`}>
            {where ? <Text text={where} most={120} /> : <span class="id">{delivery.endpoint_id}</span>}
          </a>
          <DeliveryState state={standing(delivery)} />
          {delivery.letter_id && <a class="faint" href={`/letters/${encodeURIComponent(delivery.letter_id)}`}>Dead letter</a>}
        </div>
        <Button icon="retry" disabled={!may} title={may ? undefined : "Needs the scope admin"} onClick={() => again(delivery)}>{ACTS[delivery.state] ?? "Send again"}</Button>
      </header>
      <ol class="timeline">
        {delivery.state === "pending" && (
          <li class="moment next">
            <span class="moment-sign"><Icon name="clock" size={14} /></span>
            <span class="moment-line">
              <span>{delivery.attempts_made ? "Next attempt" : "First attempt"}</span>
              {delivery.next_attempt_at ? <Countdown at={delivery.next_attempt_at} /> : <span>any moment</span>}
              {!attempts.length && <button type="button" class="link" aria-expanded={open === delivery.id} onClick={() => changeQuery({ open: open === delivery.id ? "none" : delivery.id }, true)}>See what will be sent</button>}
            </span>
            {!attempts.length && open === delivery.id && <div class="moment-more"><Sent event={event.id} delivery={delivery} /></div>}
          </li>
        )}
        {attempts.map((attempt, n) => (
          <Moment key={attempt.id} seen={seen} delivery={delivery} attempt={attempt} number={number(n)} open={open === attempt.id} />
        ))}
        {left > 0 && <li class="moment"><span class="moment-sign" /><span class="moment-line faint">{plural(left, "earlier attempt")} {left === 1 ? "is" : "are"} not kept</span></li>}
        {attempts.length === 0 && delivery.state !== "pending" && left === 0 && (
          <li class="moment"><span class="moment-sign" /><span class="moment-line faint">{delivery.state === "cancelled" ? "It was cancelled before an attempt: the endpoint was removed." : "There was no attempt."}</span></li>
        )}
      </ol>
    </article>
  );
}

function Moment({ seen, delivery, attempt, number, open }: { seen: Seen; delivery: Delivery; attempt: Attempt; number: number; open: boolean }) {
  const failed = attempt.error_class !== null && attempt.error_class !== undefined;
  return (
    <li class="moment" data-id={attempt.id}>
      <span class={`moment-sign ${failed ? "bad" : "good"}`}><Icon name={failed ? "cross" : "check"} size={14} /></span>
      <button type="button" class="moment-line" aria-expanded={open} onClick={() => changeQuery({ open: open ? "none" : attempt.id, part: null }, true)}>
        <span class="faint num">{number}.</span>
        <Badge tone={failed ? "bad" : "good"}>{wordOf(attempt)}</Badge>
        <span class="num">{took(attempt.duration_ms)}</span>
        <span class="faint"><When at={attempt.at} /></span>
        {attempt.manual && <Tag>asked by a person</Tag>}
        <Icon name={open ? "down" : "right"} size={12} />
      </button>
      {open && <div class="moment-more"><Details seen={seen} delivery={delivery} attempt={attempt} /></div>}
    </li>
  );
}

function Details({ seen, delivery, attempt }: { seen: Seen; delivery: Delivery; attempt: Attempt }) {
  const [query, change] = useQuery();
  const part = query.get("part") === "sent" ? "sent" : "answer";
  const sentence = sentenceOf(attempt);
  const advice = adviceOf(attempt);
  return (
    <>
      {sentence && (
        <div class="notice bad">
          <Icon name="warning" />
          <div>
            <strong>{sentence}</strong>{advice && <> {advice}</>}
            {attempt.error_message && attempt.error_class !== "status" && <p class="mono">{visible(attempt.error_message.slice(0, 2000))}</p>}
          </div>
        </div>
      )}
      <Facts>
        <Fact name="URL"><Text text={attempt.url} most={2048} /> <CopyButton text={attempt.url} what="URL" /></Fact>
        <Fact name="At"><When at={attempt.at} plain /></Fact>
        <Fact name="Asked by">{attempt.manual ? "a person" : "the relay"}</Fact>
        <Fact name="Attempt"><Id id={attempt.id} copy /></Fact>
      </Facts>
      <Segments label="Part of the attempt" value={part} change={(value) => change({ part: value === "sent" ? "sent" : null }, true)} choices={[{ value: "answer", title: "Answer" }, { value: "sent", title: "Headers and body as sent" }]} />
      {part === "sent" ? <Sent event={seen.event.id} delivery={delivery} /> : <Answer attempt={attempt} />}
    </>
  );
}

function Answer({ attempt }: { attempt: Attempt }) {
  // The relay keeps 1,024 bytes, and half a sign is dropped.
  const cut = new TextEncoder().encode(attempt.response).length > 1020;
  if (attempt.response === "EXPUNGED") return <p class="faint">The answer was removed.</p>;
  if (!attempt.response) return <p class="faint">{attempt.status ? `The endpoint answered ${attempt.status} without a body.` : "There was no answer."}</p>;
  return (
    <>
      <Payload content={attempt.response} name={`${attempt.id}.txt`} label="Answer" cut={cut} />
      {cut && <p class="faint">The first 1,024 bytes.</p>}
    </>
  );
}

function Sent({ event, delivery }: { event: string; delivery: Delivery }) {
  const thing = useThing<DeliveryRequest>(
    `sent ${delivery.id} ${delivery.attempts_made}`,
    (signal) => get(path`/v1/events/${event}/deliveries/${delivery.id}`, undefined, signal).then((answer) => (answer as { request: DeliveryRequest }).request),
  );
  if (!thing.value) return <NotYet of={thing} what="The request as it is sent" rows={4} />;
  const { method, url, headers, body, body_base64 } = thing.value;
  return (
    <>
      <p class="request-line"><strong>{method}</strong> <Text text={url} most={2048} /></p>
      <Headers headers={headers} />
      <Payload content={body ?? fromBase64(body_base64 ?? "")} name={`${delivery.id}.body`} label="Body as sent" />
    </>
  );
}

/** Headers by name. Secrets are masked by the relay. */
export function Headers({ headers }: { headers: { name: string; value: string }[] }) {
  return (
    <table class="headers">
      <caption class="hidden">Headers</caption>
      <tbody>
        {headers.map((header, n) => (
          <tr key={n}>
            <th scope="row"><bdi>{visible(header.name)}</bdi></th>
            <td><bdi>{visible(header.value)}</bdi></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
