// How an event stands, in a sign, a word and a count.

import type { EventRow } from "../core/types";
import { Badge, type Tone } from "./basics";

const TONES: Record<string, Tone> = { delivered: "good", pending: "info", failing: "warn", dead: "bad", nobody: "idle" };
const WORDS: Record<string, string> = { delivered: "Delivered", pending: "Pending", failing: "Failing", dead: "Dead", nobody: "Nobody" };

/** The worst of the event's deliveries, and how many arrived. */
export function EventState({ event }: { event: Pick<EventRow, "state" | "progress"> }) {
  const { total, delivered } = event.progress;
  return (
    <>
      <Badge tone={TONES[event.state] ?? "idle"}>{WORDS[event.state] ?? event.state}</Badge>
      {total > 1 && <span class="faint num">{delivered} of {total}</span>}
    </>
  );
}

const DELIVERY_TONES: Record<string, Tone> = { delivered: "good", succeeded: "good", pending: "info", sending: "info", failing: "warn", failed: "warn", dead: "bad", parked: "bad", cancelled: "idle" };

/** How a delivery stands. */
export function DeliveryState({ state }: { state: string }) {
  return <Badge tone={DELIVERY_TONES[state] ?? "idle"}>{state[0]?.toUpperCase()}{state.slice(1)}</Badge>;
}
