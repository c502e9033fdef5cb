// The search box: any id leads to its screen.

import type { RefObject } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { Failure, get } from "../core/api";
import { line } from "../core/format";
import { go } from "../core/router";

interface Found {
  kind: string;
  id: string;
  application: string;
  title: string;
  event_id?: string | null;
}

/** The screen of a thing. */
export function screenOf(found: Found): string {
  const id = encodeURIComponent(found.id);
  switch (found.kind) {
    case "event": return `/events/${id}`;
    case "delivery":
    case "attempt": return `/events/${encodeURIComponent(found.event_id ?? "")}?open=${id}`;
    case "job": return `/jobs/${id}`;
    case "batch": return `/batches/${id}`;
    case "endpoint":
    case "listener": return `/endpoints/${id}?application=${encodeURIComponent(found.application)}`;
    case "letter": return `/letters/${id}`;
    case "source": return `/sources/${id}`;
    case "task": return `/tasks/${id}`;
    default: return `/?application=${id}`;
  }
}

export function Search({ field }: { field: RefObject<HTMLInputElement | null> }) {
  const [text, setText] = useState("");
  const [found, setFound] = useState<Found[] | null>(null);
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0);
  const asked = useRef("");
  const timer = useRef(0);
  const list = useId();

  const ask = async (wanted: string, enter: boolean) => {
    asked.current = wanted;
    try {
      const { data } = await get<{ data: Found[] }>("/v1/search", { q: wanted });
      if (asked.current !== wanted) return;
      setFound(data);
      setAt(0);
      setWords(data.length ? "" : "Nothing has this id.");
      if (enter && data[0] && data.length === 1) take(data[0]);
    } catch (error) {
      if (asked.current !== wanted) return;
      setFound([]);
      setWords(error instanceof Failure ? error.message : String(error));
    }
  };
  const take = (one: Found) => {
    setText("");
    setFound(null);
    field.current?.blur();
    go(screenOf(one));
  };
  const change = (value: string) => {
    setText(value);
    clearTimeout(timer.current);
    const wanted = value.trim();
    if (wanted.length < 2) {
      asked.current = "";
      return setFound(null);
    }
    timer.current = window.setTimeout(() => void ask(wanted, false), 200);
  };
  return (
    <form
      class="search anchor"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        clearTimeout(timer.current);
        const one = found?.[at];
        if (one) take(one);
        else if (text.trim()) void ask(text.trim(), true);
      }}
      onFocusOut={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setFound(null);
      }}
    >
      <input
        ref={field}
        class="input"
        type="text"
        placeholder="Search any id"
        aria-label="Search any id"
        role="combobox"
        aria-expanded={found !== null}
        aria-controls={list}
        aria-activedescendant={found?.[at] ? `${list}-${at}` : undefined}
        autoComplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => change(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            if (found) setFound(null);
            else field.current?.blur();
          }
          if (!found?.length || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
          event.preventDefault();
          setAt((at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length);
        }}
      />
      <kbd aria-hidden="true">/</kbd>
      {found && (
        <div class="menu" id={list} role={found.length ? "listbox" : undefined} aria-label={found.length ? "Found" : undefined}>
          {found.map((one, n) => (
            <button key={`${one.kind}${one.id}`} id={`${list}-${n}`} type="button" role="option" aria-selected={n === at} tabIndex={-1} class="menu-item" onMouseDown={(event) => event.preventDefault()} onClick={() => take(one)}>
              <span class="tag">{one.kind}</span> <bdi class="id">{line(one.title || one.id, 80)}</bdi>
            </button>
          ))}
          {found.length === 0 && <p class="menu-note" role="status">{words}</p>}
        </div>
      )}
    </form>
  );
}
