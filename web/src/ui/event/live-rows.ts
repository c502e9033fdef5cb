// Rows of the list of events that change while they are seen.

import { get } from "../../core/api";
import type { Part } from "../../core/list";
import type { EventRow } from "../../core/types";

interface Pushed {
  id: string;
  type: string;
  source: string | null;
  job_id: string | null;
  batch_id: string | null;
  created_at: string;
}

interface Moved {
  id: string;
  event_id: string;
  state: string;
  attempts_made: number;
  next_attempt_at: string | null;
}

/** Newest first. */
export function order(one: EventRow, other: EventRow): number {
  if (one.created_at !== other.created_at) return one.created_at < other.created_at ? 1 : -1;
  return one.id < other.id ? 1 : one.id > other.id ? -1 : 0;
}

/** Most events that wait to be shown. The list holds no more either. */
const MOST = 10_000;

/**
 * What was pushed and is not shown yet. A push is a hint: rows made of it are doubtful until the relay has listed them.
 */
export class Pushes {
  /** Events that came, the newest last. */
  fresh = new Map<string, Pushed>();
  #moved = new Map<string, Map<string, Moved>>();
  /** Events whose row may say less than the relay knows. */
  doubtful = new Set<string>();
  /** When the next attempt at an event is due, where a push has said it. */
  next = new Map<string, string>();

  hear(events: Pushed[], deliveries: Moved[]): void {
    for (const one of events) {
      this.fresh.set(one.id, one);
      if (this.fresh.size > MOST) this.fresh.delete(this.fresh.keys().next().value as string);
    }
    for (const one of deliveries) {
      const known = this.#moved.get(one.event_id) ?? new Map<string, Moved>();
      this.#moved.set(one.event_id, known.set(one.id, one));
      if (one.state === "pending" && one.next_attempt_at && one.attempts_made > 0) this.next.set(one.event_id, one.next_attempt_at);
      else this.next.delete(one.event_id);
    }
    // What is heard and never shown does not pile up.
    if (this.#moved.size > MOST) this.#moved.clear();
    if (this.next.size > MOST) this.next.clear();
    // Rows that are held no more need not be read: the oldest go first.
    for (const id of this.doubtful) {
      if (this.doubtful.size <= MOST) break;
      this.doubtful.delete(id);
    }
  }

  /** The rows with everything that was pushed. */
  merge(rows: EventRow[], application: string | undefined): EventRow[] {
    const fresh = this.fresh;
    const moved = this.#moved;
    if (!fresh.size && !moved.size) return rows;
    this.fresh = new Map();
    this.#moved = new Map();
    const merged = rows.map((row) => {
      fresh.delete(row.id);
      const moves = moved.get(row.id);
      return moves ? this.#move(row, [...moves.values()]) : row;
    });
    const came: EventRow[] = [];
    for (const one of fresh.values()) {
      const row: EventRow = {
        ...one, application: application ?? "", channels: [], outcome: "announced", duplicates: 0, conflicts: 0, state: "pending",
        progress: { total: 0, delivered: 0, dead: 0, pending: 0 },
      };
      this.doubtful.add(one.id);
      came.push(this.#move(row, [...(moved.get(one.id)?.values() ?? [])]));
    }
    came.sort(order);
    const newest = merged[0];
    const oldest = came.at(-1);
    const all = [...came, ...merged];
    if (newest && oldest && order(newest, oldest) < 0) all.sort(order);
    return all;
  }

  #move(row: EventRow, moves: Moved[]): EventRow {
    const move = moves[0];
    if (!move) return row;
    if (row.progress.total > 1 || moves.length > 1) {
      this.doubtful.add(row.id);
      return row;
    }
    const { state } = move;
    if (state !== "pending" && state !== "delivered" && state !== "dead") return row;
    const progress = { total: 1, delivered: Number(state === "delivered"), dead: Number(state === "dead"), pending: Number(state === "pending") };
    return { ...row, progress, state: state === "pending" && move.attempts_made > 0 ? "failing" : state };
  }

  /** Reads the doubtful rows among those that are drawn, ten at most. */
  async look(drawn: string[]): Promise<Map<string, EventRow>> {
    const wanted = drawn.filter((id) => this.doubtful.has(id)).slice(0, 10);
    const found = new Map<string, EventRow>();
    await Promise.all(wanted.map(async (id) => {
      this.doubtful.delete(id);
      const part = await get<Part<EventRow>>("/v1/events", { id, limit: 1 }).catch(() => null);
      if (part?.data[0]) found.set(id, part.data[0]);
    }));
    return found;
  }
}
