// How an event or a delivery stands, in a sign, a word and a count.

import type { EventRow } from "../core/types";
import { Badge, type Tone } from "./basics";

const STATES: Record<string, [Tone, string]> = {
  delivered: ["good", "Delivered"], pending: ["info", "Pending"], failing: ["warn", "Failing"], dead: ["bad", "Dead"], nobody: ["idle", "Nobody"],
  succeeded: ["good", "Succeeded"], sending: ["info", "Sending"], failed: ["warn", "Failed"], parked: ["bad", "Parked"], cancelled: ["idle", "Cancelled"],
};

/** How a delivery stands. */
export function DeliveryState({ state }: { state: string }) {
  const [tone, word] = STATES[state] ?? ["idle", state];
  return <Badge tone={tone}>{word}</Badge>;
}

/** The worst of the event's deliveries, and how many arrived. */
export function EventState({ event }: { event: Pick<EventRow, "state" | "progress"> }) {
  const { total, delivered } = event.progress;
  return (
    <>
      <DeliveryState state={event.state} />
      {total > 1 && <span class="faint num">{delivered} of {total}</span>}
    </>
  );
}
