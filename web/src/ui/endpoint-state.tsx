// How an endpoint fares, in a sign and a word.

import { Badge, type Tone } from "./basics";

const TONES: Record<string, Tone> = { healthy: "good", slow: "warn", failing: "warn", open: "bad", half_open: "warn", disabled: "idle" };
const WORDS: Record<string, string> = { healthy: "Healthy", slow: "Slow", failing: "Failing", open: "Circuit open", half_open: "Circuit half open", disabled: "Disabled" };

/** The state of `health` in the list of endpoints. */
export function EndpointState({ state }: { state: string }) {
  return <Badge tone={TONES[state] ?? "idle"}>{WORDS[state] ?? state}</Badge>;
}
