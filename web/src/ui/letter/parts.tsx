// Dead letters as lists and details show them.

import { plural } from "../../core/format";
import { useStore } from "../../core/store";
import { now } from "../../core/time";
import type { Letter } from "../../core/types";
import { Badge, When } from "../basics";
import type { Filter } from "../filters";

const HOURS_48 = 48 * 3600_000;

export function LetterState({ letter }: { letter: Pick<Letter, "state" | "retry_success"> }) {
  if (letter.state === "waiting") return <Badge tone={letter.retry_success === false ? "bad" : "warn"}>{letter.retry_success === false ? "Failed again" : "Waiting"}</Badge>;
  if (letter.state === "redriven") return <Badge tone="info">On its way</Badge>;
  return <Badge tone={letter.retry_success === false ? "idle" : "good"}>{letter.retry_success ? "Arrived" : "Resolved"}</Badge>;
}

/** When the letter goes with its payload; red in the last 48 hours. */
export function Expires({ at }: { at: string | null | undefined }) {
  const present = useStore(now);
  const soon = at && new Date(at).getTime() - present < HOURS_48;
  return <span class={soon ? "bad soon" : ""}><When at={at} /></span>;
}

export const CLASSES = ["status", "timeout", "dns", "connect", "tls", "protocol", "forbidden_address", "endpoint_disabled", "circuit_open", "unfit", "expunged", "relay"];

export const className = (name: string) => name.replaceAll("_", " ");

export const FILTERS: Filter[] = [
  { name: "state", title: "State", choices: [{ value: "waiting", title: "Waiting" }, { value: "redriven", title: "On its way" }, { value: "resolved", title: "Resolved" }] },
  { name: "error_class", title: "Error", choices: CLASSES.map((value) => ({ value, title: className(value) })) },
  { name: "endpoint", title: "Endpoint", placeholder: "ep_…" },
  { name: "event_type", title: "Type", placeholder: "invoice.paid" },
  { name: "batch_id", title: "Batch", placeholder: "night-run" },
  { name: "job_id", title: "Job", placeholder: "job_…" },
  { name: "since", title: "Since", placeholder: "2026-11-27T08:00:00Z" },
  { name: "until", title: "Until", placeholder: "2026-11-27T09:00:00Z" },
];

/** The filter as the body of a request has it. An empty one must say that all are meant. */
export function chosenBy(values: Record<string, string | undefined>): { filter: Record<string, string> } | { all: true } {
  const filter = Object.fromEntries(Object.entries(values).filter((pair): pair is [string, string] => Boolean(pair[1])));
  return Object.keys(filter).length ? { filter } : { all: true };
}

/** "412 letters". */
export const letters = (number: number) => plural(number, "letter");
