// The rows that are shown of a log: those of the chosen level, the ones that a search finds, and where each stands.

import type { Log, Row } from "./log";

/** Height of a row that is not wrapped, as terminal.css has it. */
export const ROW = 20;

/** Levels that can be chosen, with what each shows. */
export const LEVELS: { value: string; title: string; kinds: string }[] = [
  { value: "", title: "All levels", kinds: "" },
  { value: "error", title: "Errors", kinds: "error" },
  { value: "warn", title: "Warnings and errors", kinds: "error warn" },
  { value: "success", title: "Successes", kinds: "success" },
  { value: "info", title: "Information", kinds: "info" },
];

export class View {
  rows: Row[] = [];
  /** Indexes of the rows that the search finds. */
  hits: number[] = [];
  pattern: RegExp | null = null;
  #made = "";
  #upto = 0;
  #tops: Float64Array | null = null;
  #columns = 0;
  #measured = "";

  /** Follows the log. Only new rows are looked at, unless something else changed. Returns whether it did. */
  update(log: Log, level: string, find: string): boolean {
    const made = `${log.epoch} ${level} ${find}`;
    const anew = made !== this.#made;
    if (anew) {
      this.#made = made;
      this.rows = [];
      this.hits = [];
      this.#upto = 0;
      this.pattern = find ? new RegExp(find.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "gi") : null;
    }
    const kinds = LEVELS.find((one) => one.value === level)?.kinds ?? "";
    for (; this.#upto < log.rows.length; this.#upto += 1) {
      const row = log.rows[this.#upto] as Row;
      if (kinds && !kinds.includes(row.kind)) continue;
      if (this.pattern) {
        this.pattern.lastIndex = 0;
        if (this.pattern.test(row.text)) this.hits.push(this.rows.length);
      }
      this.rows.push(row);
    }
    return anew;
  }

  /** Reckons where each row begins. `columns` signs fit into a line; 0 if lines are not wrapped. */
  place(columns: number): void {
    if (columns !== this.#columns) {
      this.#columns = columns;
      this.#measured = "";
      for (const row of this.rows) row.height = 0;
    }
    const now = `${this.#made} ${this.rows.length}`;
    if (!columns) this.#tops = null;
    else if (now !== this.#measured || !this.#tops) {
      this.#measured = now;
      const tops = new Float64Array(this.rows.length + 1);
      let top = 0;
      this.rows.forEach((row, n) => {
        tops[n] = top;
        top += row.height || ROW * Math.max(1, Math.ceil(row.text.length / columns));
      });
      tops[this.rows.length] = top;
      this.#tops = tops;
    }
  }

  /** Takes the height that a row has. Returns whether it was reckoned wrongly. */
  measure(row: Row, height: number): boolean {
    const wrong = (row.height || ROW * Math.max(1, Math.ceil(row.text.length / this.#columns))) !== height;
    row.height = height;
    if (wrong) this.#measured = "";
    return wrong;
  }

  /** The place of a row, from the first one's. That of the row behind the last is the height of all. */
  top(index: number): number {
    return this.#tops ? (this.#tops[index] ?? 0) : index * ROW;
  }

  /** The row at a place. */
  at(top: number): number {
    if (!this.#tops) return Math.max(0, Math.min(this.rows.length, Math.floor(top / ROW)));
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#tops[middle] ?? 0) <= top) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
