// Lists that are read in parts, merged with what is pushed, and shown as of a moment while the relay does not answer.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "./api";
import { reached } from "./live";

/** A part of a list, as every list of the API answers. */
export interface Part<T> {
  data: T[];
  done: boolean;
  iterator?: string | null;
  /** Rows that were looked at to find this part, if a filter chose among them. */
  scanned?: number | null;
}

export interface List<T> {
  rows: T[];
  /** Undefined while the first part is awaited. */
  loaded: boolean;
  /** More can be read. */
  more: boolean;
  reading: boolean;
  failure: Failure | null;
  /** Moment of the last answer; the rows are stale while `failure` is set. */
  asOf: number;
  /** Rows looked at so far by a filtered list. */
  scanned: number;
  /** Reads the next part. */
  next: () => void;
  /** Reads the first part again, and merges it. `lost` says that pushes may have been lost. */
  refresh: (lost?: boolean) => void;
  /** Changes rows in place: what a push or an action says. */
  change: (change: (rows: T[]) => T[]) => void;
}

/** Any failure as a `Failure`. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure("failed", error instanceof Error ? error.message : String(error));
}

/** The state of what is read again and again. */
interface Reading {
  key: string | null;
  reading: boolean;
  /** A further reading was asked for while one was under way. */
  pending: boolean;
  failure: Failure | null;
  asOf: number;
  abort: AbortController;
}

/**
 * What lists and things have in common. Reads with `read` when `key` changes and when `run` is called, one reading at a
 * time; null as `key` reads nothing. `read` returns what takes its answer into the state, which is not called if the key
 * has changed meanwhile. `empty` is the state before the first answer.
 */
function useReading<S extends object>(key: string | null, empty: S, read: (now: S & Reading, signal: AbortSignal, first: boolean) => Promise<() => void>) {
  const [, draw] = useState(0);
  const again = useCallback(() => draw((count) => count + 1), []);
  const begun = (key: string | null): S & Reading => ({ ...empty, key, reading: false, pending: false, failure: null, asOf: 0, abort: new AbortController() });
  const state = useRef<(S & Reading) | null>(null);
  const now = (state.current ??= begun(null));
  // The newest function of the component, which makes a new one each time that it is drawn.
  const reader = useRef(read);
  reader.current = read;
  const run = useCallback(async (first: boolean) => {
    if (now.reading) {
      // Whatever asked again meanwhile is answered by one more reading.
      if (first) now.pending = true;
      return;
    }
    now.reading = true;
    again();
    const { abort } = now;
    try {
      const take = await reader.current(now, abort.signal, first);
      if (now.abort !== abort) return;
      take();
      now.failure = null;
      now.asOf = Date.now();
      reached(true);
    } catch (error) {
      if (abort.signal.aborted) return;
      now.failure = asFailure(error);
      if (now.failure.kind === "offline") reached(false);
    } finally {
      if (now.abort === abort) {
        now.reading = false;
        again();
        if (now.pending) {
          now.pending = false;
          void run(true);
        }
      }
    }
  }, []);
  useEffect(() => {
    now.abort.abort();
    Object.assign(now, begun(key));
    if (key !== null) void run(true);
    return () => now.abort.abort();
  }, [key]);
  // Between a change of key and its effect, the state is that of the key before.
  return { now, same: now.key === key, run, again };
}

/**
 * A list read by `read`, which takes the iterator of the part before. `key` names the list: with another key it is
 * read anew. `id` names a row. `most` bounds what is held; the oldest rows go. A list with pushed rows has `pushed`, which
 * adds them just before a first part is merged, and `order`, which puts the merged rows in order.
 */
export function useList<T>(
  key: string,
  read: (iterator: string | undefined, signal: AbortSignal) => Promise<Part<T>>,
  id: (row: T) => string,
  most = 10_000,
  pushed?: (rows: T[]) => T[],
  order?: (one: T, other: T) => number,
): List<T> {
  const newest = useRef(pushed);
  newest.current = pushed;
  const empty = { rows: [] as T[], loaded: false, more: false, iterator: undefined as string | undefined, lost: false, scanned: 0 };
  const { now, same, run, again } = useReading(key, empty, async (now, signal, first) => {
    const part = await read(first ? undefined : now.iterator, signal);
    return () => {
      if (first) {
        now.rows = newest.current?.(now.rows) ?? now.rows;
        const fresh = new Set(part.data.map(id));
        // A first part that shares no row with those held came after more rows than it has: there is a hole between,
        // unless pushes fill it.
        const hole = (now.lost || !newest.current) && part.data.length > 0 && !now.rows.some((row) => fresh.has(id(row)));
        const replaced = !now.loaded || part.done || hole;
        now.lost = false;
        now.rows = replaced ? part.data : [...part.data, ...now.rows.filter((row) => !fresh.has(id(row)))];
        if (!replaced && order) now.rows.sort(order);
        if (replaced || !now.iterator) {
          now.iterator = part.iterator ?? undefined;
          now.more = !part.done;
        }
        now.scanned = part.scanned ?? 0;
      } else {
        const held = new Set(now.rows.map(id));
        now.rows = [...now.rows, ...part.data.filter((row) => !held.has(id(row)))];
        now.iterator = part.iterator ?? undefined;
        now.more = !part.done;
        now.scanned += part.scanned ?? 0;
      }
      if (now.rows.length > most) now.rows = now.rows.slice(0, most);
      now.loaded = true;
    };
  });
  return {
    rows: same ? now.rows : empty.rows,
    loaded: same && now.loaded,
    more: same && now.more,
    reading: now.reading,
    failure: same ? now.failure : null,
    asOf: now.asOf,
    scanned: now.scanned,
    next: useCallback(() => void run(false), []),
    refresh: useCallback((lost?: boolean) => {
      // It is also called with an event of the browser.
      if (lost === true) now.lost = true;
      void run(true);
    }, []),
    change: useCallback(
      (change: (rows: T[]) => T[]) => {
        const rows = change(now.rows);
        if (rows === now.rows) return;
        now.rows = rows.length > most ? rows.slice(0, most) : rows;
        again();
      },
      [most],
    ),
  };
}

export interface Thing<T> {
  value: T | undefined;
  reading: boolean;
  failure: Failure | null;
  asOf: number;
  refresh: () => void;
  set: (value: T) => void;
}

/** One thing, read by `read`; null as `key` reads nothing. The last value stays while it is read again. */
export function useThing<T>(key: string | null, read: (signal: AbortSignal) => Promise<T>): Thing<T> {
  const { now, same, run, again } = useReading(key, { value: undefined as T | undefined }, async (now, signal) => {
    const value = await read(signal);
    return () => {
      now.value = value;
    };
  });
  return {
    value: same ? now.value : undefined,
    reading: now.reading,
    failure: same ? now.failure : null,
    asOf: now.asOf,
    refresh: useCallback(() => void run(true), []),
    set: useCallback((value: T) => {
      now.value = value;
      again();
    }, []),
  };
}
