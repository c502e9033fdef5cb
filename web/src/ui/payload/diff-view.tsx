// Two texts, side by side where there is room, with their differing lines marked.

import { useMemo, useState } from "preact/hooks";
import { count, plural, visible } from "../../core/format";
import { useNarrow } from "../../core/router";
import { type Change, diff } from "./diff";
import { fault, lines } from "./json";

/** Equal lines that are shown around a difference. */
const AROUND = 3;
const ROWS = 1000;
/** Signs of a line that are shown. */
const LONG = 2000;

type Pair = [Change | undefined, Change | undefined];

// A removed line stands beside the one that was added in its place.
function pairs(changes: Change[]): Pair[] {
  const found: Pair[] = [];
  let removed: Change[] = [];
  let added: Change[] = [];
  const end = () => {
    for (let n = 0; n < Math.max(removed.length, added.length); n += 1) found.push([removed[n], added[n]]);
    removed = [];
    added = [];
  };
  for (const change of changes) {
    if (change.sign === "-") removed.push(change);
    else if (change.sign === "+") added.push(change);
    else {
      end();
      found.push([change, change]);
    }
  }
  end();
  return found;
}

// Runs of equal rows, cut to what stands around a difference. A number stands for that many rows.
function folded<T>(rows: T[], equal: (row: T) => boolean): (T | number)[] {
  const found: (T | number)[] = [];
  for (let at = 0; at < rows.length; ) {
    let end = at;
    while (end < rows.length && equal(rows[end] as T)) end += 1;
    const before = at === 0 ? 0 : AROUND;
    const after = end === rows.length ? 0 : AROUND;
    if (end - at > before + after + 1) found.push(...rows.slice(at, at + before), end - at - before - after, ...rows.slice(end - after, end));
    else found.push(...rows.slice(at, end));
    if (end < rows.length) found.push(rows[end] as T);
    at = end + 1;
  }
  return found;
}

function split(text: string): string[] {
  return fault(text) < 0 ? lines(text) : text.split(/\r\n|\n/);
}

/** Shows how `now` differs from `old`. JSON is compared member by member, whatever its spaces were. */
export function Diff({ old, now, names }: { old: string; now: string; names: [string, string] }) {
  const narrow = useNarrow(760);
  const [all, setAll] = useState(false);
  const [most, setMost] = useState(ROWS);
  const changes = useMemo(() => diff(split(old), split(now)), [old, now]);
  const differing = changes.filter((change) => change.sign !== " ").length;
  const rows: (Pair | number)[] = useMemo(() => {
    const list: Pair[] = narrow
      ? changes.map((change): Pair => (change.sign === "+" ? [undefined, change] : [change, change.sign === " " ? change : undefined]))
      : pairs(changes);
    return all ? list : folded(list, ([left]) => left?.sign === " ");
  }, [changes, narrow, all]);
  if (!differing) return <p class="faint">Both say the same; only their spaces or the ends of their lines differ.</p>;
  return (
    <>
      <div class={narrow ? "diff stacked" : "diff"} role="group" tabIndex={0} aria-label={`${names[0]} and ${names[1]}: ${plural(differing, "line")} differ`}>
        <div class="diff-names"><strong>{narrow && "− "}{names[0]}</strong><strong>{narrow && "+ "}{names[1]}</strong></div>
        {rows.slice(0, most).map((row, n) => {
          if (typeof row === "number") return <button key={n} type="button" class="diff-fold" onClick={() => setAll(true)}>{plural(row, "equal line")}</button>;
          const [left, right] = row;
          if (narrow) return <div key={n} class="diff-row"><Side change={left ?? right} old={!!left} /></div>;
          return <div key={n} class="diff-row"><Side change={left} old /><Side change={right} old={false} /></div>;
        })}
      </div>
      {rows.length > most && <button type="button" class="link" onClick={() => setMost(most + ROWS)}>Show {count(ROWS)} more lines</button>}
    </>
  );
}

function Side({ change, old }: { change: Change | undefined; old: boolean }) {
  if (!change) return <><span class="line-number" /><span class="diff-text none" /></>;
  const kind = change.sign === "-" ? "gone" : change.sign === "+" ? "come" : "";
  return (
    <>
      <span class={`line-number ${kind}`}>{old ? change.old : change.now}</span>
      <span class={`diff-text ${kind}`}>
        <span aria-hidden="true">{change.sign === "-" ? "− " : change.sign === "+" ? "+ " : "  "}</span>
        {kind && <span class="hidden">{kind === "gone" ? "removed: " : "added: "}</span>}
        {visible(change.text.slice(0, LONG))}{change.text.length > LONG && "…"}
      </span>
    </>
  );
}
