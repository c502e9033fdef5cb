// The text of a row, with its styles and with what a search found.

import type { ComponentChildren } from "preact";
import { styleOf } from "./colour";
import { BOLD, DIM, INVERSE, ITALIC, type Pen, STRIKE, UNDER } from "./escape";
import type { Row } from "./log";

function classes({ fore, back, flags }: Pen): string {
  return [
    flags & BOLD && "t-bold", flags & ITALIC && "t-italic", flags & UNDER && "t-under", flags & STRIKE && "t-strike",
    flags & DIM && fore < 0 && back < 0 && "t-dim", flags & INVERSE && fore < 0 && back < 0 && "t-inverse", fore >= 0 && back < 0 && !(flags & INVERSE) && "t-fore",
  ].filter(Boolean).join(" ");
}

function Styled({ pen, children }: { pen: Pen; children: ComponentChildren }) {
  let { fore, back } = pen;
  if (pen.flags & INVERSE) [fore, back] = [back, fore];
  return <span class={classes(pen)} style={fore < 0 && back < 0 ? undefined : fore >= 0 && back < 0 && pen.flags & INVERSE ? styleOf(-1, fore) : styleOf(fore, back)}>{children}</span>;
}

export function Words({ row, pattern }: { row: Row; pattern: RegExp | null }) {
  const { text, spans } = row;
  const marks: [number, number][] = [];
  if (pattern) {
    pattern.lastIndex = 0;
    for (const found of text.matchAll(pattern)) {
      if (found[0] && marks.length < 200) marks.push([found.index, found.index + found[0].length]);
    }
  }
  if (!spans && !marks.length) return <>{text}</>;
  const marked = (from: number, to: number) => {
    const parts: ComponentChildren[] = [];
    let at = from;
    for (const [begin, end] of marks) {
      if (end <= from || begin >= to) continue;
      const [first, last] = [Math.max(begin, from), Math.min(end, to)];
      if (first > at) parts.push(text.slice(at, first));
      parts.push(<mark>{text.slice(first, last)}</mark>);
      at = last;
    }
    if (at < to) parts.push(text.slice(at, to));
    return parts;
  };
  const parts: ComponentChildren[] = [];
  let at = 0;
  for (const span of spans ?? []) {
    if (span.from > at) parts.push(marked(at, span.from));
    parts.push(<Styled pen={span.pen}>{marked(span.from, span.to)}</Styled>);
    at = span.to;
  }
  if (at < text.length) parts.push(marked(at, text.length));
  return <>{parts}</>;
}
