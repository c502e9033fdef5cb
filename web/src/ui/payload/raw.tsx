// Text as it came, with its lines numbered; and bytes in hexadecimal digits.

import { useMemo, useState } from "preact/hooks";
import { count, visible } from "../../core/format";
import { Icon } from "../icons";
import { Lines, useWidth } from "./scroll";

/** A piece of a line that fits the width. */
interface Piece {
  start: number;
  end: number;
  /** Number of the line if the piece begins one, 0 otherwise. */
  number: number;
}

function pieces(text: string, width: number): Piece[] {
  const found: Piece[] = [];
  let number = 1;
  for (let start = 0; start <= text.length; number += 1) {
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    const stop = text[end - 1] === "\r" ? end - 1 : end;
    let from = start;
    do {
      let to = Math.min(stop, from + width);
      // A pair of surrogates stays together.
      if (to < stop && (text.charCodeAt(to - 1) & 0xfc00) === 0xd800) to -= 1;
      found.push({ start: from, end: to, number: from === start ? number : 0 });
      from = to;
    } while (from < stop);
    start = end + 1;
  }
  return found;
}

/** A text of more signs can be searched. */
export const LONG = 1500;
/** Most places of a text that a search marks. */
const MOST = 10_000;

function placesOf(text: string, wanted: string): [number, number][] {
  if (!wanted) return [];
  const pattern = new RegExp(wanted.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "gi");
  const found: [number, number][] = [];
  for (const one of text.matchAll(pattern)) {
    found.push([one.index, one.index + one[0].length]);
    if (found.length === MOST) break;
  }
  return found;
}

export function Raw({ text, label, find = false }: { text: string; label: string; /** Somebody came to search it. */ find?: boolean }) {
  const [box, width, sign] = useWidth();
  const [wanted, setWanted] = useState("");
  const [at, setAt] = useState(0);
  const gutter = Math.max(3, String(text.length ? text.split("\n", 100_000).length : 1).length);
  const fit = Math.max(16, Math.floor((width - 48) / sign) - gutter);
  const all = useMemo(() => (width ? pieces(text, fit) : []), [text, fit, width]);
  const found = useMemo(() => placesOf(text, wanted), [text, wanted]);
  const current = found[at];
  const piece = current ? all.findIndex((one) => current[0] >= one.start && current[0] < Math.max(one.end, one.start + 1)) : -1;
  const step = (by: number) => found.length && setAt((at + by + found.length) % found.length);
  return (
    <>
      {(text.length > LONG || wanted) && <form
        class="find"
        onSubmit={(event) => {
          event.preventDefault();
          step(1);
        }}
      >
        <input class="input" autoFocus={find} value={wanted} placeholder="Find" aria-label={`Find in ${label}`} spellcheck={false} autoComplete="off" onInput={(event) => { setWanted(event.currentTarget.value); setAt(0); }}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || !event.shiftKey) return;
            event.preventDefault();
            step(-1);
          }} />
        <span class="faint num" role="status">{wanted && (found.length ? `${count(at + 1)} of ${count(found.length)}${found.length === MOST ? " or more" : ""}` : "Not found")}</span>
        {found.length > 1 && (
          <>
            <button type="button" class="ghost" aria-label="Before" onClick={() => step(-1)}><Icon name="left" size={14} /></button>
            <button type="submit" class="ghost" aria-label="Next"><Icon name="right" size={14} /></button>
          </>
        )}
      </form>}
      <Lines label={label} count={all.length} at={piece} mark={current} box={box} line={(place) => {
        const one = all[place];
        if (!one) return null;
        return (
          <div key={place} class="sheet-line">
            <span class="line-number" style={{ width: `${gutter}ch` }}>{one.number || ""}</span>
            <span class="line-text">{marked(text, one, found, current)}</span>
          </div>
        );
      }} />
    </>
  );
}

// The piece's text, with what was found in it marked.
function marked(text: string, piece: Piece, found: [number, number][], current: [number, number] | undefined) {
  const parts = [];
  let from = piece.start;
  // The first place that ends behind the piece's beginning.
  let low = 0;
  for (let high = found.length; low < high; ) {
    const middle = (low + high) >> 1;
    if ((found[middle]?.[1] ?? 0) <= piece.start) low = middle + 1;
    else high = middle;
  }
  for (let n = low; n < found.length; n += 1) {
    const place = found[n];
    if (!place || place[0] >= piece.end) break;
    const [start, end] = [Math.max(place[0], piece.start), Math.min(place[1], piece.end)];
    parts.push(visible(text.slice(from, start)), <mark key={n} class={place === current ? "current" : undefined}>{visible(text.slice(start, end))}</mark>);
    from = end;
  }
  parts.push(visible(text.slice(from, piece.end)));
  return parts;
}

const hex = (byte: number) => byte.toString(16).padStart(2, "0");

export function Hex({ bytes, label }: { bytes: Uint8Array; label: string }) {
  const [box, width, sign] = useWidth();
  const across = width > sign * 82 ? 16 : 8;
  return (
    <Lines label={label} count={Math.ceil(bytes.length / across)} box={box} line={(place) => {
      const row = Array.from(bytes.subarray(place * across, (place + 1) * across));
      return (
        <div key={place} class="sheet-line">
          <span class="line-number">{(place * across).toString(16).padStart(8, "0")}</span>
          <span class="line-hex">{row.map(hex).join(" ").padEnd(across * 3)}</span>
          <span class="line-text">{row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join("")}</span>
        </div>
      );
    }} />
  );
}
