// JSON as a tree. Levels below the third are folded, and more than 200 members of one level.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { count, plural, visible } from "../../core/format";
import { type Member, members, whole } from "./json";

const OPEN_LEVELS = 3;
const MEMBERS = 200;
/** Rows drawn at once. The button below the tree draws as many more. */
const ROWS = 1000;
/** Signs of a value that are shown before it is opened, and after. */
const SHORT = 300;
const LONG = 50_000;

interface Row {
  name: string;
  depth: number;
  member: Member;
  /** An object or array. */
  holds: boolean;
  open: boolean;
  total: number;
  /** Members that are not shown: the row is the button that shows more of them. */
  more: number;
  of: number;
  twice: boolean;
}

function rowsOf(text: string, turned: Map<number, boolean>, shown: Map<number, number>, levels: number, most: number): { rows: Row[]; cut: boolean } {
  const rows: Row[] = [];
  interface Level { list: Member[]; at: number; of: number; depth: number; start: number; keys: Set<string> }
  const stack: Level[] = [{ list: [whole(text)], at: 0, of: 1, depth: 0, start: -1, keys: new Set() }];
  for (let level = stack.at(-1); level; level = stack.at(-1)) {
    if (rows.length >= most) return { rows, cut: true };
    const member = level.list[level.at];
    if (!member) {
      const more = level.of - level.list.length;
      if (more > 0) rows.push({ name: `more ${level.start}`, depth: level.depth, member: { key: -1, keyEnd: -1, start: level.start, end: 0, place: level.list.length }, holds: false, open: false, total: 0, more, of: level.of, twice: false });
      stack.pop();
      continue;
    }
    level.at += 1;
    const sign = text[member.start];
    const holds = sign === "{" || sign === "[";
    const open = holds && (turned.get(member.start) ?? level.depth < levels);
    const inside = holds ? members(text, member.start, open ? (shown.get(member.start) ?? MEMBERS) : 0) : { list: [], total: 0 };
    const key = member.key < 0 ? "" : text.slice(member.key, member.keyEnd);
    const twice = key !== "" && level.keys.has(key);
    if (key) level.keys.add(key);
    rows.push({ name: String(member.start), depth: level.depth, member, holds, open, total: inside.total, more: 0, of: level.of, twice });
    if (open && inside.total) stack.push({ list: inside.list, at: 0, of: inside.total, depth: level.depth + 1, start: member.start, keys: new Set() });
  }
  return { rows, cut: false };
}

/** Shows JSON, which `text` is. */
export function Tree({ text, label }: { text: string; label: string }) {
  const [turned, setTurned] = useState(new Map<number, boolean>());
  const [shown, setShown] = useState(new Map<number, number>());
  const [levels, setLevels] = useState(OPEN_LEVELS);
  const [most, setMost] = useState(ROWS);
  const [focus, setFocus] = useState<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const move = useRef(false);
  useEffect(() => {
    setTurned(new Map());
    setShown(new Map());
    setMost(ROWS);
  }, [text]);
  const { rows, cut } = useMemo(() => rowsOf(text, turned, shown, levels, most), [text, turned, shown, levels, most]);
  const at = Math.max(0, rows.findIndex((row) => row.name === focus));
  useEffect(() => {
    if (!move.current) return;
    move.current = false;
    box.current?.querySelectorAll<HTMLElement>("[role=treeitem]")[at]?.focus();
  });
  const go = (to: number) => {
    move.current = true;
    setFocus(rows[Math.max(0, Math.min(rows.length - 1, to))]?.name ?? null);
  };
  const turn = (row: Row, open: boolean) => setTurned(new Map(turned).set(row.member.start, open));
  const act = (row: Row) => {
    if (row.more) setShown(new Map(shown).set(row.member.start, row.member.place + Math.min(row.more, 1000)));
    else if (row.holds) turn(row, !row.open);
    else if (row.member.end - row.member.start > SHORT) turn(row, !turned.get(row.member.start));
  };
  const keys = (event: KeyboardEvent) => {
    const row = rows[at];
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const acts: Record<string, () => void> = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      Enter: () => act(row),
      " ": () => act(row),
      ArrowRight: () => (row.holds && !row.open ? turn(row, true) : row.open && go(at + 1)),
      ArrowLeft: () => (row.open ? turn(row, false) : go(rows.findLastIndex((one, n) => n < at && one.depth < row.depth))),
    };
    const found = acts[event.key];
    if (!found) return;
    event.preventDefault();
    event.stopPropagation();
    found();
  };
  return (
    <>
      <div class="tree" role="tree" aria-label={label} ref={box} onKeyDown={keys}>
        {rows.map((row, n) => (
          <div
            key={row.name}
            role="treeitem"
            class={`twig ${row.holds ? (row.open ? "open" : "shut") : ""}`}
            style={{ paddingLeft: `${Math.min(row.depth, 20) * 14 + 18}px` }}
            aria-level={row.depth + 1}
            aria-setsize={row.of}
            aria-posinset={row.member.place + 1}
            aria-expanded={row.holds && row.total ? row.open : undefined}
            tabIndex={n === at ? 0 : -1}
            onFocus={() => setFocus(row.name)}
            onClick={() => !window.getSelection()?.toString() && act(row)}
          >
            <Twig text={text} row={row} long={turned.get(row.member.start) === true} />
          </div>
        ))}
      </div>
      <div class="tree-foot">
        {cut && <button type="button" class="link" onClick={() => setMost(most + ROWS)}>Show {count(ROWS)} more rows</button>}
        {rows.some((row) => row.holds && !row.open && row.total) && <button type="button" class="link" onClick={() => { setTurned(new Map()); setLevels(Infinity); }}>Unfold all</button>}
        {levels > OPEN_LEVELS && <button type="button" class="link" onClick={() => { setTurned(new Map()); setLevels(OPEN_LEVELS); }}>Fold</button>}
      </div>
    </>
  );
}

function Twig({ text, row, long }: { text: string; row: Row; long: boolean }) {
  const { member } = row;
  if (row.more) return <span class="twig-link">{count(row.more)} more</span>;
  const sign = text[member.start];
  const most = long ? LONG : SHORT;
  const length = member.end - member.start;
  return (
    <>
      {row.depth > 20 && <span class="faint">level {row.depth} </span>}
      {member.key >= 0
        ? <><bdi class="twig-key">{visible(text.slice(member.key + 1, Math.min(member.keyEnd - 1, member.key + LONG)))}</bdi>: </>
        : row.depth > 0 && <><span class="faint">{member.place}</span>: </>}
      {row.holds
        ? <span class="faint">{sign === "{" ? `{${row.total ? "…" : ""}}` : `[${row.total ? "…" : ""}]`} {row.total > 0 && (sign === "{" ? plural(row.total, "member") : plural(row.total, "item"))}</span>
        : (
          <bdi class={sign === '"' ? "twig-string" : "twig-number"}>{visible(text.slice(member.start, Math.min(member.end, member.start + most)))}{length > most && "…"}</bdi>
        )}
      {!row.holds && length > most && <> <span class="twig-link">{long ? `${count(length)} signs, all of them in “Raw”` : `${count(length - most)} more signs`}</span></>}
      {row.twice && <> <span class="tag">again</span></>}
    </>
  );
}
