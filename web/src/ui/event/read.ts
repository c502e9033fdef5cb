// An event as the API has it, with the text of its payload.

import { getText, path } from "../../core/api";
import type { Attempt, Delivery, EventDetail } from "../../core/types";
import { sourceOf } from "../payload/json";

export interface Seen {
  event: Omit<EventDetail, "payload">;
  /** As it was written; null if it is too large to show or was removed. */
  payload: string | null;
}

export async function readEvent(id: string, signal?: AbortSignal): Promise<Seen> {
  const text = await getText(path`/v1/events/${id}`, undefined, signal);
  // The payload is cut out before the rest becomes values: its numbers stay as they are.
  const place = sourceOf(text, "payload");
  const payload = place ? text.slice(place.start, place.end) : "null";
  const rest = place ? `${text.slice(0, place.start)}null${text.slice(place.end)}` : text;
  return { event: JSON.parse(rest), payload: payload === "null" ? null : payload };
}

export function lastOf(delivery: Delivery): Attempt | undefined {
  return delivery.attempts.reduce<Attempt | undefined>((last, one) => (!last || one.at >= last.at ? one : last), undefined);
}

/** A delivery's state, with "failing" told apart from "pending". */
export function standing(delivery: Delivery): string {
  return delivery.state === "pending" && delivery.attempts_made > 0 ? "failing" : delivery.state;
}
