// Keys that act, and the list of them.

import { useEffect, useRef } from "preact/hooks";
import { Store } from "./store";

export interface Key {
  /** As `KeyboardEvent.key` has it, or two of them for a sequence: "g e". */
  keys: string;
  /** For the list that `?` shows. */
  label: string;
  act: (event: KeyboardEvent) => void;
}

/** The keys that act now, the innermost component's last. */
export const active = new Store<Key[]>([]);

let before = "";
let beforeAt = 0;

/** Whether the person writes text, or the element has keys of its own. */
export function writing(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  return target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog[open]") !== null;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (writing(event.target)) return;
  // Space and Enter on a control are the control's.
  if ((event.key === " " || event.key === "Enter") && (event.target as Element).closest?.("button, a, summary, input")) return;
  const name = event.key.length === 1 && event.shiftKey && event.key !== "?" ? event.key : event.key;
  const sequence = Date.now() - beforeAt < 1500 ? `${before} ${name}` : "";
  const found =
    active.value.findLast((key) => sequence && key.keys === sequence) ??
    active.value.findLast((key) => key.keys === name);
  before = name;
  beforeAt = Date.now();
  if (!found) return;
  event.preventDefault();
  found.act(event);
});

/** Makes keys act while the component is there. */
export function useKeys(keys: Key[]): void {
  const current = useRef(keys);
  current.current = keys;
  const names = keys.map((key) => `${key.keys}\t${key.label}`).join("\n");
  useEffect(() => {
    const mine = names
      .split("\n")
      .filter(Boolean)
      .map((name, n) => {
        const [keys = "", label = ""] = name.split("\t");
        return { keys, label, act: (event: KeyboardEvent) => current.current[n]?.act(event) };
      });
    active.update((all) => [...all, ...mine]);
    return () => active.update((all) => all.filter((key) => !mine.includes(key)));
  }, [names]);
}
