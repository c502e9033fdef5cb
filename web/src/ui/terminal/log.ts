// The lines of a log, in their order, each once.

import { plural } from "../../core/format";
import { PLAIN, type Pen, type Span, clean } from "./escape";

/** A line as the relay has it. */
export interface Line {
  /** The line's number in its stream; text if it came from CloudWatch. */
  seq: number | string;
  stream: string;
  message: string;
  timestamp: string;
  level?: string | null;
  missing?: number | null;
}

/** What a line is, by its level or by the marker in it. */
export type Kind = "error" | "warn" | "success" | "info" | "measure" | "detail" | "plain" | "hole";

/** One row of the terminal: a line, a further line of the same message, or lines that are missing. */
export interface Row {
  key: string;
  stream: string;
  seq: number | string;
  at: number;
  kind: Kind;
  text: string;
  spans: Span[] | null;
  /** Whether the row is its message's first. */
  first: boolean;
  /** The last number that is missing, from `seq` on, if the row stands for missing lines. */
  until: number;
  /** Height in pixels where lines are wrapped, once it is known. */
  height: number;
}

interface Stream {
  first: number | string;
  last: number | string;
  pen: Pen;
  carry: string;
  /** Ids of CloudWatch, which are not in a row without gaps. */
  ids: Set<string> | null;
}

/** Lines that are held. The relay keeps as many. */
const MOST = 50_000;
/** Lines that go at once when there are more. */
const PART = 1_000;

const LEVELS: Record<string, Kind> = { error: "error", err: "error", fatal: "error", critical: "error", warn: "warn", warning: "warn", success: "success", info: "info" };

/** The kind of a line, by its first marker. */
export function kindOf(text: string, level?: string | null): Kind {
  const given = level ? LEVELS[level.toLowerCase()] : undefined;
  if (given) return given;
  if (/\[(ERROR|FATAL|CRITICAL)\]/.test(text)) return "error";
  if (/\[SUCCESS\]|✓/.test(text)) return "success";
  if (/⚠|\[WARN(ING)?\]/.test(text)) return "warn";
  if (/\[INFO\]/.test(text)) return "info";
  if (/📐|📏|📦/u.test(text)) return "measure";
  return text.startsWith("   •") ? "detail" : "plain";
}

export class Log {
  rows: Row[] = [];
  /** Lines that are held. */
  messages = 0;
  /** Changes when rows were put or taken away elsewhere than at the end. */
  epoch = 0;
  /** Lines that went because newer ones came, here or at the relay. */
  gone = 0;
  /** Whether all lines that the relay has were read. */
  whole = false;
  streams = new Map<string, Stream>();

  /** Adds lines that came, in the relay's order. Lines that are held already change nothing. */
  append(lines: readonly Line[]): number {
    let added = 0;
    for (const line of lines) {
      if (line.missing) continue;
      added += this.#take(line) ? 1 : 0;
    }
    if (this.messages > MOST + PART) this.#trim();
    return added;
  }

  /** Puts the whole log in place of what is held, and what came meanwhile behind it. */
  replace(lines: readonly Line[], gone: number): void {
    const read = new Log();
    read.append(lines);
    // Rows that came while the log was read stay as they are.
    let newer = false;
    for (const row of this.rows) {
      if (row.first) newer = row.kind === "hole" ? BigInt(row.seq) > BigInt(read.streams.get(row.stream)?.last ?? 0) : !read.holds(row);
      if (!newer) continue;
      read.rows.push(row);
      if (row.first && row.kind !== "hole") read.messages += 1;
    }
    for (const [name, stream] of this.streams) {
      const other = read.streams.get(name);
      if (!other) read.streams.set(name, stream);
      else {
        for (const id of stream.ids ?? []) other.ids?.add(id);
        if (BigInt(stream.last) > BigInt(other.last)) [other.last, other.pen, other.carry] = [stream.last, stream.pen, stream.carry];
      }
    }
    Object.assign(this, { rows: read.rows, messages: read.messages, streams: read.streams, gone: gone + read.gone, whole: true, epoch: this.epoch + 1 });
    if (this.gone) return;
    for (const [name, stream] of this.streams) {
      if (typeof stream.first !== "number" || stream.first === 1) continue;
      this.rows.unshift(this.#hole(name, 1, stream.first - 1));
      stream.first = 1;
    }
  }

  /** Lines before those that are held: their number, or -1 if there may be some. */
  get earlier(): number {
    if (this.whole) return 0;
    let number = 0;
    for (const { first } of this.streams.values()) {
      if (typeof first === "number") number += first - 1;
      else if (this.messages >= PART) return -1;
    }
    return number;
  }

  /** The last number of each stream, for the relay to go on from. */
  after(): Record<string, number | string> {
    return Object.fromEntries([...this.streams].slice(0, 32).map(([name, { last }]) => [name, last]));
  }

  /** All lines as text. */
  text(): string {
    return this.rows.map((row) => row.text).join("\n") + (this.rows.length ? "\n" : "");
  }

  holds({ stream, seq }: { stream: string; seq: number | string }): boolean {
    const known = this.streams.get(stream);
    if (!known) return false;
    if (typeof seq === "string") return known.ids?.has(seq) ?? false;
    return typeof known.last === "number" && seq <= known.last && seq >= Number(known.first) && !this.#holeOf(stream, seq);
  }

  #hole(stream: string, from: number, until: number): Row {
    const missing = until - from + 1;
    return { key: `${stream}:${from}-`, stream, seq: from, until, at: NaN, kind: "hole", text: `${plural(missing, "line")} missing`, spans: null, first: true, height: 0 };
  }

  #holeOf(stream: string, seq: number): Row | undefined {
    return this.rows.findLast((row) => row.kind === "hole" && row.stream === stream && Number(row.seq) <= seq && seq <= row.until);
  }

  #take(line: Line): boolean {
    const { seq } = line;
    let stream = this.streams.get(line.stream);
    if (!stream) {
      stream = { first: seq, last: seq, pen: PLAIN, carry: "", ids: typeof seq === "string" ? new Set() : null };
      this.streams.set(line.stream, stream);
    } else if (typeof seq === "number" && typeof stream.last === "number") {
      if (seq <= stream.last) return this.#fill(line, seq);
      if (seq > stream.last + 1) this.rows.push(this.#hole(line.stream, stream.last + 1, seq - 1));
      stream.last = seq;
    } else {
      const id = String(seq);
      if (stream.ids?.has(id)) return false;
      if (BigInt(seq) > BigInt(stream.last)) stream.last = seq;
    }
    stream.ids?.add(String(seq));
    this.rows.push(...this.#rows(line, stream));
    this.messages += 1;
    return true;
  }

  #rows(line: Line, stream: Stream | null): Row[] {
    const at = Date.parse(line.timestamp);
    return line.message.split("\n").map((part, n) => {
      const { text, spans, pen, carry } = stream ? clean(part, stream.pen, stream.carry) : clean(part);
      if (stream) [stream.pen, stream.carry] = [pen, carry];
      return { key: `${line.stream}:${line.seq}${n ? `.${n}` : ""}`, stream: line.stream, seq: line.seq, until: 0, at, kind: kindOf(text, line.level), text, spans, first: n === 0, height: 0 };
    });
  }

  // A line that came late takes its place among those that were missing.
  #fill(line: Line, seq: number): boolean {
    const stream = this.streams.get(line.stream);
    const start = Number(stream?.first);
    if (stream && seq < start) {
      // The newest line can be pushed before the lines that were there when the job was subscribed to.
      this.rows.splice(this.rows.findIndex((row) => row.stream === line.stream), 0, this.#hole(line.stream, seq, start - 1));
      stream.first = seq;
    }
    const hole = this.#holeOf(line.stream, seq);
    if (!hole) return false;
    const from = Number(hole.seq);
    const rows = this.#rows(line, null);
    if (from < seq) rows.unshift(this.#hole(line.stream, from, seq - 1));
    if (seq < hole.until) rows.push(this.#hole(line.stream, seq + 1, hole.until));
    this.rows.splice(this.rows.indexOf(hole), 1, ...rows);
    this.messages += 1;
    this.epoch += 1;
    return true;
  }

  #trim(): void {
    let rows = 0;
    let lines = 0;
    while (rows < this.rows.length && (lines < PART || !this.rows[rows]?.first)) {
      const row = this.rows[rows];
      if (row?.first && row.kind !== "hole") {
        lines += 1;
        const stream = this.streams.get(row.stream);
        stream?.ids?.delete(String(row.seq));
        if (stream && typeof row.seq === "number") stream.first = row.seq + 1;
      }
      rows += 1;
    }
    this.rows = this.rows.slice(rows);
    this.messages -= lines;
    this.gone += lines;
    this.epoch += 1;
  }
}
