// Files of JSON lines that the relay hands out in parts.

import { save } from "../ui/save";
import { call } from "./api";

/**
 * Reads all parts of a file, each of which names the next one in its header `Link`, and saves them under `name`.
 * `told` hears how many lines were read, and ends the reading by returning false: then nothing is saved.
 *
 * # Errors
 * A `Failure` if a part cannot be read; nothing is saved then.
 */
export async function saveLines(path: string, query: Record<string, string | undefined>, name: string, told: (lines: number) => boolean): Promise<void> {
  const parts: string[] = [];
  let lines = 0;
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  let next: string | null = `${path}?${new URLSearchParams(given)}`;
  while (next) {
    const answer: Response = await call("GET", next);
    const text = await answer.text();
    if (text) parts.push(text.endsWith("\n") ? text : `${text}\n`);
    lines += text.split("\n").filter(Boolean).length;
    if (!told(lines)) return;
    const link: string | undefined = /<([^>]+)>;\s*rel="?next"?/.exec(answer.headers.get("link") ?? "")?.[1];
    // The relay may name itself by another host than the one that the page came from.
    const url = link ? new URL(link, location.href) : null;
    next = url ? url.pathname + url.search : null;
  }
  save(name, parts, "application/jsonl");
}
