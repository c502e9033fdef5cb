// A table of many rows, of which only those in sight are drawn. It works with the keyboard alone.

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { line } from "../core/format";
import { useKeys } from "../core/keys";
import { go, useNarrow } from "../core/router";
import { session } from "../core/session";

export interface Column<T> {
  key: string;
  title: string;
  /** A track of a CSS grid: "120px", "minmax(160px, 2fr)". */
  width: string;
  render?: (row: T) => ComponentChildren;
  /** Text of strangers that fills the cell, with one element less than `render`, which is used where this is null. */
  text?: (row: T) => string | null | undefined;
  /** `text` is an id. */
  code?: boolean;
  /** The column is left out where the table is narrower than this many pixels. */
  from?: number;
  /** Its place where the table is narrow: two lines, each with something at its left and right. */
  narrow?: "main" | "side" | "sub" | "subside";
  align?: "end";
}

export interface TableProps<T> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string;
  /** Where a row leads. */
  href?: (row: T) => string | undefined;
  /** All rows that there are, if the relay knows; the rows in `rows` otherwise. */
  total?: number;
  /** Chosen rows by id; the table has boxes to choose rows if it is given. */
  chosen?: Set<string>;
  choose?: (chosen: Set<string>) => void;
  /** Marks a row, such as one that just came. */
  mark?: (row: T) => string | undefined;
  /** What follows the last row. */
  foot?: ComponentChildren;
  /** Called when the last rows come into sight. */
  end?: () => void;
}

const HEIGHT = 37;
const NARROW_HEIGHT = 61;
/** Rows drawn beyond those in sight, on each side. */
const SPARE = 2;

/** The nearest ancestor that scrolls is the window: the table begins at its own offset in the document. */
function useSight(element: { current: HTMLElement | null }, rows: number, height: number): [number, number] {
  const [sight, set] = useState<[number, number]>([0, 40]);
  const measure = useCallback(() => {
    const body = element.current;
    if (!body) return;
    const top = -body.getBoundingClientRect().top;
    const first = Math.max(0, Math.min(rows, Math.floor(top / height)) - SPARE);
    const last = Math.max(first, Math.min(rows, Math.ceil((top + window.innerHeight) / height) + SPARE));
    set((was) => (was[0] === first && was[1] === last ? was : [first, last]));
  }, [element, rows, height]);
  useLayoutEffect(measure);
  useEffect(() => {
    let waiting = 0;
    const soon = () => {
      waiting ||= requestAnimationFrame(() => {
        waiting = 0;
        measure();
      });
    };
    window.addEventListener("scroll", soon, { passive: true });
    window.addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(waiting);
      window.removeEventListener("scroll", soon);
      window.removeEventListener("resize", soon);
    };
  }, [measure]);
  return sight;
}

export function Table<T>({ label, columns, rows, id, href, total, chosen, choose, mark, foot, end }: TableProps<T>) {
  const narrow = useNarrow(700);
  const body = useRef<HTMLDivElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(1200);
  const [focus, setFocus] = useState<string | null>(null);
  const anchor = useRef<string | null>(null);
  const held = useRef(false);
  const height = narrow ? NARROW_HEIGHT : HEIGHT;
  const [first, last] = useSight(body, rows.length, height);

  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const shown = useMemo(
    // A session of one application needs no column that names it.
    () => columns.filter((column) => (narrow ? column.narrow : width >= (column.from ?? 0)) && !(column.key === "application" && session.value?.application)),
    [columns, narrow, width],
  );
  const tracks = narrow ? undefined : [chosen ? "32px" : "", ...shown.map((column) => column.width)].join(" ");

  const at = focus === null ? -1 : rows.findIndex((row) => id(row) === focus);
  const reach = useRef(end);
  reach.current = end;
  const near = rows.length > 0 && last >= rows.length;
  useEffect(() => {
    if (near) reach.current?.();
  }, [near, rows.length]);

  // The focused row is drawn first, then focused: it may have been out of sight.
  useLayoutEffect(() => {
    if (!held.current || focus === null) return;
    body.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  });

  const move = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    const row = rows[next];
    if (!row || !body.current) return;
    held.current = true;
    setFocus(id(row));
    const top = body.current.getBoundingClientRect().top + next * height;
    const above = 110;
    if (top < above) window.scrollBy(0, top - above);
    else if (top + height > window.innerHeight - 16) window.scrollBy(0, top + height - window.innerHeight + 16);
  };
  const toggle = (row: T, range: boolean) => {
    if (!chosen || !choose) return;
    const next = new Set(chosen);
    const name = id(row);
    const from = range && anchor.current ? rows.findIndex((one) => id(one) === anchor.current) : -1;
    if (from >= 0) {
      const to = rows.indexOf(row);
      for (const one of rows.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(id(one));
    } else if (!next.delete(name)) next.add(name);
    anchor.current = name;
    choose(next);
  };
  const current = at >= 0 ? rows[at] : undefined;
  const step = (by: number) => move(at < 0 ? (by > 0 ? first && Math.min(first + SPARE, rows.length - 1) : rows.length - 1) : at + by);
  useKeys([
    { keys: "j", label: "Next row", act: () => step(1) },
    { keys: "k", label: "Row before", act: () => step(-1) },
    { keys: "ArrowDown", label: "", act: () => step(1) },
    { keys: "ArrowUp", label: "", act: () => step(-1) },
    ...(href ? [{ keys: "Enter", label: "Open the row", act: () => {
      const to = current && href(current);
      if (to) go(to);
    } }] : []),
    ...(chosen ? [
      { keys: "x", label: "Choose the row", act: () => current && toggle(current, false) },
      { keys: "X", label: "Choose all rows up to here (shift+x)", act: () => current && toggle(current, true) },
    ] : []),
  ]);

  const all = chosen !== undefined && chosen.size > 0 && rows.length > 0 && rows.every((row) => chosen.has(id(row)));
  const some = chosen !== undefined && chosen.size > 0 && !all && rows.some((row) => chosen.has(id(row)));
  return (
    <div class={`table ${narrow ? "narrow" : ""} ${chosen ? "boxes" : ""}`}>
      <div
        ref={frame}
        role="grid"
        aria-label={label}
        aria-rowcount={(total ?? rows.length) + 1}
        aria-colcount={shown.length + (chosen ? 1 : 0)}
        aria-multiselectable={chosen ? true : undefined}
        onFocusOut={(event) => {
          if (!frame.current?.contains(event.relatedTarget as Node | null)) held.current = false;
        }}
      >
        <div class="table-head" role="rowgroup">
          <div class="row" role="row" aria-rowindex={1} style={tracks ? { gridTemplateColumns: tracks } : undefined}>
            {chosen && choose && (
              <div role="columnheader" class="cell box">
                <input type="checkbox" aria-label="Choose all rows shown" checked={all} indeterminate={some}
                  onChange={() => choose(all ? new Set() : new Set(rows.map(id)))} />
              </div>
            )}
            {shown.map((column) => (
              <div key={column.key} role="columnheader" class={`cell ${column.align ?? ""} ${column.narrow ?? ""}`}>{column.title}</div>
            ))}
          </div>
        </div>
        <div class="table-body" role="rowgroup" ref={body} style={{ height: `${rows.length * height}px` }}>
          {rows.slice(first, last).map((row, n) => {
            const name = id(row);
            const to = href?.(row);
            return (
              <div
                key={name}
                data-row={name}
                role="row"
                class={`row ${mark?.(row) ?? ""} ${to ? "leads" : ""}`}
                aria-rowindex={first + n + 2}
                aria-selected={chosen ? chosen.has(name) : undefined}
                tabIndex={name === focus || (at < 0 && first + n === 0) ? 0 : -1}
                style={{ transform: `translateY(${(first + n) * height}px)`, ...(tracks ? { gridTemplateColumns: tracks } : {}) }}
                onFocus={() => {
                  held.current = true;
                  setFocus(name);
                }}
                onClick={(event) => {
                  if ((event.target as Element).closest("a, button, input, label") || window.getSelection()?.toString()) return;
                  if (to) go(to);
                }}
              >
                {chosen && (
                  <div role="gridcell" class="cell box">
                    <input type="checkbox" aria-label={`Choose ${name}`} checked={chosen.has(name)} tabIndex={-1}
                      onClick={(event) => {
                        event.preventDefault();
                        toggle(row, event.shiftKey);
                      }} />
                  </div>
                )}
                {shown.map((column, place) => {
                  const text = column.text?.(row);
                  const more = `${column.align ?? ""} ${column.narrow ?? ""}`;
                  if (typeof text === "string" && place > 0) return <bdi key={column.key} role="gridcell" class={`cell text ${column.code ? "id" : ""} ${more}`} title={text.length > 8 ? line(text, 2000) : undefined}>{line(text)}</bdi>;
                  const inside = text ? <bdi>{line(text)}</bdi> : column.render?.(row);
                  return (
                    <div key={column.key} role="gridcell" class={`cell ${more}`}>
                      {place === 0 && to ? <a href={to} tabIndex={-1} class="row-link">{inside}</a> : inside}
                    </div>
                  );
                })}
              </div>
            );
          })}
        </div>
      </div>
      {foot}
    </div>
  );
}
