// How an endpoint fares, in a sign and a word.

import { exact } from "../core/time";
import { Badge, type Tone } from "./basics";

const TONES: Record<string, Tone> = { healthy: "good", slow: "warn", failing: "warn", open: "bad", half_open: "warn", disabled: "idle" };
const WORDS: Record<string, string> = { healthy: "Healthy", slow: "Slow", failing: "Failing", open: "Circuit open", half_open: "Circuit half open", disabled: "Disabled" };

/** The state of `health` in the list of endpoints; since when is its tooltip. */
export function EndpointState({ state, since }: { state: string; since?: string | null }) {
  return <Badge tone={TONES[state] ?? "idle"} title={since ? `since ${exact(since)}` : undefined}>{WORDS[state] ?? state}</Badge>;
}
