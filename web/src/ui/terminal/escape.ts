// Escape sequences of terminals: SGR becomes styles of text, every other one is removed.

import { visible } from "../../core/format";
import { TRUE } from "./colour";

/** How text is written. Pens are never changed, so that equal ones may be one. */
export interface Pen {
  /** A colour of colour.ts, or -1. */
  fore: number;
  back: number;
  flags: number;
}

export const BOLD = 1;
export const DIM = 2;
export const ITALIC = 4;
export const UNDER = 8;
export const INVERSE = 16;
export const STRIKE = 32;

export interface Span {
  from: number;
  to: number;
  pen: Pen;
}

/** A line without its escape sequences. */
export interface Clean {
  text: string;
  /** Parts that are not written in the plain pen. */
  spans: Span[] | null;
  pen: Pen;
  /** The beginning of an escape sequence at the line's end. Its rest may come with the next line of the stream. */
  carry: string;
}

export const PLAIN: Pen = { fore: -1, back: -1, flags: 0 };

// Control characters of C1, as the pairs with ESC that they stand for.
const C1: Record<string, string> = { "\u0090": "\x1bP", "\u0098": "\x1bX", "\u009b": "\x1b[", "\u009c": "\x1b\\", "\u009d": "\x1b]", "\u009e": "\x1b^", "\u009f": "\x1b_" };
/* eslint-disable no-control-regex */
// In this order: CSI; OSC, DCS, SOS, PM and APC with their text; any other escape; single controls.
const SPECIAL = /\x1b\[([0-?]*)[ -/]*([@-~])|\x1b([\]PX^_])([^\x07\x1b]*)(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]?|\r|[\x07\x08]/g;
const UNFINISHED = /\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)$/;
const ANY = /[\x07\x08\r\x1b\u0090\u0098\u009b-\u009f]/;
/* eslint-enable no-control-regex */
/** Characters of an unfinished escape sequence that are kept for the next line. */
const MOST_CARRIED = 4096;

const FLAGS: Record<number, number> = { 1: BOLD, 2: DIM, 3: ITALIC, 4: UNDER, 7: INVERSE, 9: STRIKE };
const ENDS: Record<number, number> = { 22: BOLD | DIM, 23: ITALIC, 24: UNDER, 27: INVERSE, 29: STRIKE };

const byte = (value: number | undefined) => Math.max(0, Math.min(255, value || 0));

// Reads the colour behind 38 or 48 at `at`. Returns it with the number of codes it took.
function colour(codes: number[], at: number): [colour: number, took: number] {
  if (codes[at] === 5) return [byte(codes[at + 1]), 2];
  if (codes[at] === 2) return [TRUE | (byte(codes[at + 1]) << 16) | (byte(codes[at + 2]) << 8) | byte(codes[at + 3]), 4];
  return [-1, 1];
}

/** The pen after the codes of one SGR sequence, such as "1;31". */
export function restyle(pen: Pen, parameters: string): Pen {
  let { fore, back, flags } = pen;
  const parts = parameters.split(";");
  for (let n = 0; n < parts.length; n += 1) {
    const codes = (parts[n] ?? "").split(":").map(Number);
    const code = codes[0] ?? 0;
    if (code === 38 || code === 48) {
      let found: number;
      if (codes.length > 1) {
        // With colons there may be a colour space, which is left out: 38:2::255:0:0.
        [found] = colour(codes.length > 5 ? [2, ...codes.slice(-3)] : codes, codes.length > 5 ? 0 : 1);
      } else {
        let took: number;
        [found, took] = colour(parts.slice(n, n + 5).map(Number), 1);
        n += took;
      }
      if (code === 38) fore = found;
      else back = found;
    } else if (code === 0) [fore, back, flags] = [-1, -1, 0];
    else if (code === 4 && codes[1] === 0) flags &= ~UNDER;
    else if (FLAGS[code]) flags |= FLAGS[code];
    else if (ENDS[code]) flags &= ~ENDS[code];
    else if (code >= 30 && code <= 37) fore = code - 30;
    else if (code >= 40 && code <= 47) back = code - 40;
    else if (code >= 90 && code <= 97) fore = code - 82;
    else if (code >= 100 && code <= 107) back = code - 92;
    else if (code === 39) fore = -1;
    else if (code === 49) back = -1;
  }
  if (fore === pen.fore && back === pen.back && flags === pen.flags) return pen;
  return fore < 0 && back < 0 && flags === 0 ? PLAIN : { fore, back, flags };
}

// Variation selectors only say how an emoji is drawn.
const shown = (text: string) => visible(text.replace(/[\ufe0e\ufe0f]/g, ""));

/** Reads a line, written on from `pen` and behind what the line before left over. */
export function clean(line: string, pen: Pen = PLAIN, carried = ""): Clean {
  let source = carried + line;
  if (!carried && pen === PLAIN && !ANY.test(source)) return { text: shown(source), spans: null, pen, carry: "" };
  source = source.replace(/[\u0090\u0098\u009b-\u009f]/g, (sign) => C1[sign] ?? "");
  let carry = "";
  const rest = UNFINISHED.exec(source);
  // A sequence that did not end within a whole further line is none: a stray ESC hides no more than a line's beginning.
  if (rest && !(carried && rest.index === 0) && source.length - rest.index <= MOST_CARRIED) {
    carry = source.slice(rest.index);
    source = source.slice(0, rest.index);
  }
  let text = "";
  let spans: Span[] = [];
  let overwrite = false;
  let link = "";
  let linked = 0;
  const write = (part: string) => {
    if (!part) return;
    if (overwrite) {
      // A bar of progress writes its line again: the last text stays.
      [text, spans, overwrite, linked] = ["", [], false, 0];
    }
    const from = text.length;
    text += shown(part);
    if (pen === PLAIN) return;
    const last = spans[spans.length - 1];
    if (last && last.pen === pen && last.to === from) last.to = text.length;
    else spans.push({ from, to: text.length, pen });
  };
  const endLink = () => {
    if (link && !text.slice(linked).includes(link)) write(` (${link})`);
    link = "";
  };
  let at = 0;
  for (const found of source.matchAll(SPECIAL)) {
    write(source.slice(at, found.index));
    at = found.index + found[0].length;
    const [all, parameters = "", final, kind, words = ""] = found;
    if (all === "\r") overwrite = true;
    else if (final === "m" && !/[<-?]/.test(parameters)) pen = restyle(pen, parameters);
    else if (kind === "]" && words.startsWith("8;")) {
      // A hyperlink is shown as text, with its address behind it.
      endLink();
      link = words.slice(words.indexOf(";", 2) + 1);
      linked = text.length;
    }
  }
  write(source.slice(at));
  endLink();
  return { text, spans: spans.length ? spans : null, pen, carry };
}
