// Files that the page gives to the person.

import { call } from "./api";

/** Saves parts as a file. */
export function save(parts: BlobPart[], name: string, type = "text/plain"): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type }));
  link.download = name.replace(/[^\w.-]+/g, "_").slice(0, 120);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/**
 * Reads all parts of a file of JSON lines, each of which names the next one in its header `Link`, and saves them.
 * `told` hears how many lines were read, and ends the reading by returning false.
 *
 * # Errors
 * A `Failure` if a part cannot be read; nothing is saved then.
 */
export async function saveLines(path: string, query: Record<string, string | undefined>, name: string, told: (lines: number) => boolean): Promise<void> {
  const parts: string[] = [];
  let lines = 0;
  let next: string | null = `${path}?${new URLSearchParams(Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1])))}`;
  while (next) {
    const answer: Response = await call("GET", next);
    const text = await answer.text();
    if (text) parts.push(text.endsWith("\n") ? text : `${text}\n`);
    lines += text.split("\n").filter(Boolean).length;
    if (!told(lines)) return;
    const link: string | undefined = /<([^>]+)>;\s*rel="?next"?/.exec(answer.headers.get("link") ?? "")?.[1];
    // The relay may name itself by another host than the page was fetched from.
    const url = link ? new URL(link, location.href) : null;
    next = url ? url.pathname + url.search : null;
  }
  save(parts, name, "application/jsonl");
}
