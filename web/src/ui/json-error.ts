// Faults of JSON that a person writes.

import { fault } from "./payload/json";

/** The line and the character at which a text is no JSON, in words; undefined if it is JSON. */
export function jsonError(text: string): string | undefined {
  const at = fault(text);
  if (at < 0) return undefined;
  return `This is no JSON: line ${text.slice(0, at).split("\n").length}, character ${at - text.lastIndexOf("\n", at - 1)}.`;
}

/** The same for a text that has to be an object. `what` names it. */
export function objectError(text: string, what: string): string | undefined {
  return jsonError(text) ?? (text.trim().startsWith("{") ? undefined : `${what} is an object.`);
}
