// A trouble that the relay has found of itself, in two parts: what is wrong, and where one looks and acts.

import type { ComponentChildren } from "preact";
import type { Status } from "../core/contract";

type Trouble = NonNullable<Status["troubles"]>[number];

/** The first sentence of a trouble, and what comes after it. A route of the API that it names becomes a link to its screen. */
export function told({ kind, text }: Trouble): [words: string, act: ComponentChildren] {
  const [words = text, rest = ""] = text.split(/(?<=\.) (.*)/);
  const [before, list, after] = rest.split(/GET \/v1\/(\w+)/);
  const screen = list === "refusals" ? "sources" : list;
  return [words, <>{before}{screen && <a href={`/${screen}`}>{before ? "the" : "The"} list of {screen}</a>}{after} {/outbox|waiting/.test(kind) && <a href="/events?state=pending">Pending events</a>}</>];
}
