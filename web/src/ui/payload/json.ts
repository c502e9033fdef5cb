// JSON as it was written: numbers keep their digits, a key that stands twice is found twice, and no depth is too deep.
//
// Nothing is read into values. A text is checked once; the members of an object or array are then found when they are to
// be seen. All of it works in loops, so that 10,000 levels cost no stack.

export interface Member {
  /** Where the key stands, its quotation marks included; -1 in an array and for the whole. */
  key: number;
  keyEnd: number;
  /** Where the value stands. */
  start: number;
  end: number;
  /** Place among the members, the first being 0. */
  place: number;
}

const SPACE = /[ \t\n\r]*/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SCALAR = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y;
const NO_BRACKET = /[^"{}[\]]*/y;

/** Where `pattern`, which is sticky, ends if it matches at `at`; -1 if it does not match. */
function pass(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : -1;
}

/** The first place at which `text` is no JSON, or -1 if it is JSON. */
export function fault(text: string): number {
  const open: string[] = [];
  let at = 0;
  let wrong = -1;
  const space = () => {
    at = pass(SPACE, text, at);
  };
  const string = (): boolean => {
    if (text[at] !== '"') return false;
    at += 1;
    for (;;) {
      at = pass(PLAIN, text, at);
      if (text[at] === '"') {
        at += 1;
        return true;
      }
      const next = pass(ESCAPE, text, at);
      if (next < 0) return false;
      at = next;
    }
  };
  const key = (): boolean => {
    if (!string()) return false;
    space();
    if (text[at] !== ":") return false;
    at += 1;
    return true;
  };
  for (;;) {
    space();
    const sign = text[at];
    if (sign === "{" || sign === "[") {
      at += 1;
      space();
      if (text[at] === (sign === "{" ? "}" : "]")) at += 1;
      else {
        open.push(sign);
        if (sign === "{" && !key()) return at;
        continue;
      }
    } else if (sign === '"') {
      if (!string()) return at;
    } else {
      wrong = at;
      at = pass(SCALAR, text, at);
      if (at < 0) return wrong;
    }
    // A value has ended, and with it perhaps what holds it.
    for (;;) {
      space();
      const within = open[open.length - 1];
      if (!within) return at === text.length ? -1 : at;
      if (text[at] === ",") {
        at += 1;
        space();
        if (within === "{" && !key()) return at;
        break;
      }
      if (text[at] !== (within === "{" ? "}" : "]")) return at;
      open.pop();
      at += 1;
    }
  }
}

function endOfString(text: string, at: number): number {
  for (let end = at + 1; ; ) {
    end = text.indexOf('"', end);
    let escapes = 0;
    while (text[end - 1 - escapes] === "\\") escapes += 1;
    end += 1;
    if (escapes % 2 === 0) return end;
  }
}

/** Where the value that begins at `at` ends. The text is JSON. */
export function endOf(text: string, at: number): number {
  const sign = text[at];
  if (sign === '"') return endOfString(text, at);
  if (sign !== "{" && sign !== "[") return pass(SCALAR, text, at);
  let depth = 0;
  for (let end = at; ; ) {
    end = pass(NO_BRACKET, text, end);
    const next = text[end];
    if (next === '"') {
      end = endOfString(text, end);
      continue;
    }
    depth += next === "{" || next === "[" ? 1 : -1;
    end += 1;
    if (depth === 0) return end;
  }
}

/** The whole value of a text that is JSON. */
export function whole(text: string): Member {
  const start = pass(SPACE, text, 0);
  return { key: -1, keyEnd: -1, start, end: endOf(text, start), place: 0 };
}

/** The first `most` members of the object or array that begins at `start`, and the number of all. */
export function members(text: string, start: number, most: number): { list: Member[]; total: number } {
  const list: Member[] = [];
  const named = text[start] === "{";
  let total = 0;
  let at = pass(SPACE, text, start + 1);
  while (text[at] !== "}" && text[at] !== "]") {
    let key = -1;
    let keyEnd = -1;
    if (named) {
      key = at;
      keyEnd = endOfString(text, at);
      at = pass(SPACE, text, text.indexOf(":", keyEnd) + 1);
    }
    const end = endOf(text, at);
    if (total < most) list.push({ key, keyEnd, start: at, end, place: total });
    total += 1;
    at = pass(SPACE, text, end);
    if (text[at] === ",") at = pass(SPACE, text, at + 1);
  }
  return { list, total };
}

/** The source of the member `key` of an object's text, or undefined: a number in it is as it was written. */
export function sourceOf(text: string, key: string): Member | undefined {
  const top = whole(text);
  if (text[top.start] !== "{") return undefined;
  return members(text, top.start, 1000).list.findLast((one) => JSON.parse(text.slice(one.key, one.keyEnd)) === key);
}

/** JSON with a line for each member, otherwise unchanged. Lines are not set in by more than 40 levels. */
export function lines(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let line = "";
  const end = () => {
    found.push(line);
    line = "  ".repeat(Math.min(depth, 40));
  };
  for (let at = pass(SPACE, text, 0); at < text.length; at = pass(SPACE, text, at)) {
    const sign = text[at] ?? "";
    if (sign === "{" || sign === "[") {
      const after = pass(SPACE, text, at + 1);
      line += sign;
      at += 1;
      if (text[after] === "}" || text[after] === "]") {
        line += text[after];
        at = after + 1;
      } else {
        depth += 1;
        end();
      }
    } else if (sign === "}" || sign === "]") {
      depth -= 1;
      end();
      line += sign;
      at += 1;
    } else if (sign === ",") {
      line += sign;
      at += 1;
      end();
    } else if (sign === ":") {
      line += ": ";
      at += 1;
    } else {
      const after = endOf(text, at);
      line += text.slice(at, after);
      at = after;
    }
  }
  found.push(line);
  return found;
}
