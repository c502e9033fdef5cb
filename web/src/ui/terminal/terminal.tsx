// A job's log as a terminal shows it. Only the rows in sight are drawn.

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { count, line as oneLine, plural } from "../../core/format";
import { useKeys } from "../../core/keys";
import { useQuery } from "../../core/router";
import { kept, useStore } from "../../core/store";
import { exact, zone } from "../../core/time";
import { CopyButton } from "../basics";
import { Icon } from "../icons";
import { save } from "../save";
import type { Log, Row } from "./log";
import { LEVELS, View } from "./view";
import { Words } from "./words";

const wrapping = kept("relay.log.wrap", "off");
const timing = kept("relay.log.times", "off");

/** Pixels from the end within which the terminal follows what comes. */
const NEAR = 10;
/** Rows drawn beyond those in sight, on each side. */
const SPARE = 6;

export interface TerminalProps {
  log: Log;
  /** Changes with the log. */
  version: number;
  /** Stands where no line has come yet. */
  waiting: string;
  /** Reads all lines before those that are held; absent where that is not possible. */
  whole?: (anew?: boolean) => Promise<void>;
  /** Name of the file that a download makes. */
  file: string;
  /** Shows the last 50 lines, each cut to one row. */
  compact?: boolean;
  noHeader?: boolean;
}

export function Terminal(props: TerminalProps) {
  return props.compact ? <Compact {...props} /> : <Full {...props} />;
}

function Compact({ log, waiting }: TerminalProps) {
  return (
    <div class="term compact" role="log" aria-live="off" aria-label="Console" tabIndex={0}>
      {log.rows.slice(-50).map((row) => <div key={row.key} class={`t-row ${row.kind}`} title={oneLine(row.text, 2000)}><span class="t-text">{row.text.slice(0, 500)}</span></div>)}
      {!log.rows.length && <p class="t-empty">{waiting.startsWith("Waiting") ? "Waiting…" : waiting}</p>}
    </div>
  );
}

const milliseconds = (at: number) => (zone.value === "utc" ? exact(at).slice(11, 19) : exact(at).slice(11)) + `.${String(at % 1000).padStart(3, "0")}`;

function Full({ log, version, waiting, whole, file, noHeader = false }: TerminalProps) {
  const [query, change] = useQuery();
  const [level, find, here] = [query.get("level") ?? "", query.get("find") ?? "", query.get("line") ?? ""];
  const wrap = useStore(wrapping) === "on";
  const times = useStore(timing) === "on";
  useStore(zone);
  const [aloud, setAloud] = useState(false);
  const [busy, setBusy] = useState(false);
  const [, draw] = useState(0);
  const again = useCallback(() => draw((was) => was + 1), []);
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const probe = useRef<HTMLSpanElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const view = useRef(new View()).current;
  // What the terminal knows of its own scrolling; changed by events, read when it is drawn.
  const at = useRef({ top: 0, height: 600, columns: 80, stuck: true, seen: 0, heard: 0, sought: "" }).current;

  // Rows that came before those in sight must not move them.
  const anchor = at.stuck ? undefined : view.rows[view.at(at.top)];
  const inside = anchor ? at.top - view.top(view.at(at.top)) : 0;
  const anew = view.update(log, level, find);
  view.place(wrap ? at.columns : 0);
  const height = view.top(view.rows.length);
  let top = at.stuck ? Math.max(0, height - at.height) : at.top;
  if (anew && anchor) {
    const moved = view.rows.indexOf(anchor);
    if (moved >= 0) top = view.top(moved) + inside;
    at.seen = Math.min(at.seen, view.rows.length);
  }
  if (at.stuck) at.seen = view.rows.length;
  const unseen = view.rows.length - at.seen;
  const first = Math.max(0, view.at(top) - SPARE);
  const last = Math.min(view.rows.length, view.at(top + at.height) + 1 + SPARE);
  const rows = view.rows.slice(first, last);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    let wrong = false;
    if (wrap) for (const [n, drawn] of [...(list.current?.children ?? [])].entries()) {
      const row = rows[n];
      if (row && view.measure(row, (drawn as HTMLElement).offsetHeight)) wrong = true;
    }
    if (wrong) return again();
    if (at.stuck) element.scrollTop = element.scrollHeight;
    else if (top !== at.top) element.scrollTop = top;
    at.top = element.scrollTop;
  });

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      at.height = element.clientHeight;
      const sign = (probe.current?.getBoundingClientRect().width ?? 70) / 10;
      const column = list.current?.querySelector(".t-text")?.getBoundingClientRect().width;
      at.columns = Math.max(10, Math.floor((column ?? element.clientWidth - 80) / sign));
      again();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [wrap, times, log.streams.size > 1, view.rows.length > 0]);

  const scrolled = () => {
    const element = box.current;
    if (!element || element.scrollTop === at.top) return;
    at.top = element.scrollTop;
    at.stuck = element.scrollHeight - element.scrollTop - element.clientHeight <= NEAR;
    requestAnimationFrame(again);
  };
  const reveal = (index: number) => {
    const element = box.current;
    if (!element) return;
    at.stuck = false;
    at.top = Math.max(0, Math.min(view.top(index) - element.clientHeight / 3, height - element.clientHeight));
    again();
    requestAnimationFrame(() => {
      element.scrollTop = at.top;
    });
  };
  const readAll = async (anew = false) => {
    if (!whole || (!log.earlier && !anew)) return;
    setBusy(true);
    await whole(anew).catch(() => undefined);
    setBusy(false);
  };

  // The line that the address names is shown once; for that, lines long past are read.
  useEffect(() => {
    if (!here || at.sought === here || !log.rows.length) return;
    const index = view.rows.findIndex((row) => row.key === here);
    if (index < 0 && whole && log.earlier) return void readAll();
    at.sought = here;
    if (index >= 0) reveal(index);
  }, [here, version]);
  // A search is one over all lines.
  useEffect(() => {
    if (find) void readAll();
  }, [find !== ""]);

  const current = find ? view.hits.findIndex((index) => view.rows[index]?.key === here) : -1;
  const step = (by: number) => {
    if (!view.hits.length) return;
    let next = current + by;
    if (current < 0) {
      // From where the person looks.
      next = view.hits.findIndex((index) => index >= first + SPARE);
      if (next < 0) next = view.hits.length - 1;
    }
    next = (next + view.hits.length) % view.hits.length;
    const index = view.hits[next] ?? 0;
    const row = view.rows[index];
    if (!row) return;
    at.sought = row.key;
    change({ line: row.key }, true);
    reveal(index);
  };
  useKeys([
    { keys: "s", label: "Search in the log", act: () => field.current?.focus() },
    { keys: "n", label: "Next line that was found", act: () => step(1) },
    { keys: "N", label: "Line before that was found (shift+n)", act: () => step(-1) },
  ]);

  // What came is said to those who asked for it: the last lines, for a log can be faster than a voice.
  const fresh = aloud && at.heard ? log.rows.slice(Math.max(at.heard, log.rows.length - 5)) : [];
  useEffect(() => {
    at.heard = log.rows.length;
  }, [version, aloud]);

  const download = async () => {
    await readAll();
    save(`${file.slice(0, 100)}.log`, [log.text()], "text/plain");
  };
  const earlier = log.earlier;
  const several = log.streams.size > 1;
  return (
    <section class="term" aria-label="Console">
      {!noHeader && (
        <header class="t-head">
          <h2>Console</h2>
          <span class="faint num">{plural(log.messages, "message")}</span>
          <div class="t-tools">
            <div class="t-find">
              <Find field={field} value={find} set={(value) => change({ find: value || null, line: null }, true)} step={step} />
              {find && <span class="faint num" role="status">{view.hits.length ? (current < 0 ? `${count(view.hits.length)} found` : `${count(current + 1)} of ${count(view.hits.length)}`) : "None"}</span>}
              {find && <button type="button" class="ghost" aria-label="Line before that was found" onClick={() => step(-1)}><Icon name="up" size={14} /></button>}
              {find && <button type="button" class="ghost" aria-label="Next line that was found" onClick={() => step(1)}><Icon name="down" size={14} /></button>}
            </div>
            <select class="t-select" aria-label="Level" value={level} onChange={(event) => change({ level: event.currentTarget.value || null }, true)}>
              {LEVELS.map((one) => <option key={one.value} value={one.value}>{one.title}</option>)}
            </select>
            <div class="segments" role="group" aria-label="View">
              <button type="button" aria-pressed={wrap} onClick={() => wrapping.set(wrap ? "off" : "on")}>Wrap</button>
              <button type="button" aria-pressed={times} onClick={() => timing.set(times ? "off" : "on")}>Times</button>
              <button type="button" aria-pressed={aloud} title="Screen readers say new lines" onClick={() => setAloud(!aloud)}>Announce</button>
            </div>
            <span>
              <CopyButton what="the whole log" text={async () => {
                await readAll();
                return log.text();
              }} />
              <button type="button" class="ghost" aria-label="Download the whole log" title="Download the whole log" onClick={() => void download()}><Icon name="download" size={14} /></button>
            </span>
          </div>
        </header>
      )}
      {log.rows.length > 0 && (earlier !== 0 || log.gone > 0) && (
        <p class="t-note">
          {log.gone > 0 && <>{plural(log.gone, "older line")} went because newer ones came. </>}
          {earlier !== 0 && (whole
            ? <button type="button" class="link" disabled={busy} onClick={() => void readAll()}>{busy ? "Reading…" : earlier > 0 ? `Show ${plural(earlier, "earlier line")}` : "Show earlier lines"}</button>
            : earlier > 0 && <>{plural(earlier, "earlier line")} not shown.</>)}
        </p>
      )}
      <div class="t-frame">
        <div class={`t-box ${wrap ? "wrap" : ""}`} ref={box} role="log" aria-live="off" aria-label="Lines of the log" tabIndex={0} onScroll={scrolled}>
          <span class="t-probe" ref={probe} aria-hidden="true">0000000000</span>
          {view.rows.length === 0 && <p class="t-empty">{log.rows.length ? "No line of this level." : waiting}</p>}
          <div class="t-all" style={{ height: `${height}px` }}>
            <div class="t-sight" ref={list} style={{ transform: `translateY(${view.top(first)}px)` }}>
              {rows.map((row) => <Line key={row.key} row={row} here={row.key === here} times={times} several={several} pattern={view.pattern} look={whole && !busy ? () => void readAll(true) : undefined} />)}
            </div>
          </div>
        </div>
        {unseen > 0 && (
          <button type="button" class="t-new" onClick={() => {
            at.stuck = true;
            again();
          }}>↓ {count(unseen)} new</button>
        )}
      </div>
      <div class="hidden" aria-live="polite">{fresh.map((row) => <p key={row.key}>{oneLine(row.text)}</p>)}</div>
    </section>
  );
}

function Line({ row, here, times, several, pattern, look }: { row: Row; here: boolean; times: boolean; several: boolean; pattern: RegExp | null; look: (() => void) | undefined }) {
  const number = String(row.seq);
  const address = new URLSearchParams(location.search);
  address.set("line", row.key);
  return (
    <div class={`t-row ${row.kind} ${here ? "here" : ""}`}>
      {row.first && row.kind !== "hole"
        ? <a class="t-number" href={`${location.pathname}?${address}`} tabIndex={-1} title={`Link to line ${number}`}>{number.length > 7 ? "#" : number}</a>
        : <span class="t-number" />}
      {times && <span class="t-time">{row.first && row.at ? milliseconds(row.at) : ""}</span>}
      {several && <span class="t-stream" title={oneLine(row.stream, 200)}>{row.first ? oneLine(row.stream, 40) : ""}</span>}
      <span class="t-text"><Words row={row} pattern={pattern} /></span>
      {row.kind === "hole" && look && <button type="button" class="link" onClick={look}>Look again</button>}
    </div>
  );
}

function Find({ field, value, set, step }: { field: { current: HTMLInputElement | null }; value: string; set: (value: string) => void; step: (by: number) => void }) {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const take = (next: string, wait: number) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => set(next), wait);
  };
  return (
    <input ref={field} class="input" type="search" placeholder="Search the log" aria-label="Search the log" spellcheck={false} autoComplete="off" value={text}
      onInput={(event) => take(event.currentTarget.value, 150)}
      onKeyDown={(event) => {
        if (event.key === "Enter") {
          event.preventDefault();
          if (text !== value) take(text, 0);
          else step(event.shiftKey ? -1 : 1);
        }
        if (event.key === "Escape") {
          event.preventDefault();
          if (text) take("", 0);
          else field.current?.blur();
        }
      }} />
  );
}
