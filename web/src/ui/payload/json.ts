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

const SCALAR = /^(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)$/;

// Loops over codes, and no sticky expressions: Chromium 148 loses the place of one while it compiles it.
const [TAB, LINE, RETURN, BLANK, QUOTE, COMMA, COLON, BACK] = [9, 10, 13, 32, 34, 44, 58, 92];
const [OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [123, 125, 91, 93];

/** Where the spaces that begin at `at` end. */
function space(text: string, at: number): number {
  for (; ; at += 1) {
    const code = text.charCodeAt(at);
    if (code !== BLANK && code !== LINE && code !== RETURN && code !== TAB) return at;
  }
}

/** Where the number or word that begins at `at` ends. */
function token(text: string, at: number): number {
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code <= BLANK || code === COMMA || code === CLOSE || code === CLOSE_LIST || code === COLON || code === QUOTE || code === OPEN || code === OPEN_LIST) return at;
  }
  return at;
}

/** The first place at which `text` is no JSON, or -1 if it is JSON. */
export function fault(text: string): number {
  const open: string[] = [];
  let at = 0;
  const skip = () => {
    at = space(text, at);
  };
  const string = (): boolean => {
    if (text[at] !== '"') return false;
    for (at += 1; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code < BLANK) return false;
      if (code === QUOTE) {
        at += 1;
        return true;
      }
      if (code !== BACK) continue;
      at += 1;
      const sign = text[at] ?? "";
      if (sign === "u") {
        if (!/^[0-9a-fA-F]{4}$/.test(text.slice(at + 1, at + 5))) return false;
        at += 4;
      } else if (!sign || !'"\\/bfnrt'.includes(sign)) return false;
    }
    return false;
  };
  const key = (): boolean => {
    if (!string()) return false;
    skip();
    if (text[at] !== ":") return false;
    at += 1;
    return true;
  };
  for (;;) {
    skip();
    const sign = text[at];
    if (sign === "{" || sign === "[") {
      at += 1;
      skip();
      if (text[at] === (sign === "{" ? "}" : "]")) at += 1;
      else {
        open.push(sign);
        if (sign === "{" && !key()) return at;
        continue;
      }
    } else if (sign === '"') {
      if (!string()) return at;
    } else {
      const end = token(text, at);
      if (!SCALAR.test(text.slice(at, end))) return at;
      at = end;
    }
    // A value has ended, and with it perhaps what holds it.
    for (;;) {
      skip();
      const within = open[open.length - 1];
      if (!within) return at === text.length ? -1 : at;
      if (text[at] === ",") {
        at += 1;
        skip();
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
  if (sign !== "{" && sign !== "[") return token(text, at);
  let depth = 0;
  for (let end = at; ; end += 1) {
    const code = text.charCodeAt(end);
    if (code === QUOTE) end = endOfString(text, end) - 1;
    else if (code === OPEN || code === OPEN_LIST) depth += 1;
    else if (code === CLOSE || code === CLOSE_LIST) {
      depth -= 1;
      if (depth === 0) return end + 1;
    }
  }
}

/** The whole value of a text that is JSON. */
export function whole(text: string): Member {
  const start = space(text, 0);
  return { key: -1, keyEnd: -1, start, end: endOf(text, start), place: 0 };
}

/** The first `most` members of the object or array that begins at `start`, and the number of all. */
export function members(text: string, start: number, most: number): { list: Member[]; total: number } {
  const list: Member[] = [];
  const named = text[start] === "{";
  let total = 0;
  let at = space(text, start + 1);
  while (text[at] !== "}" && text[at] !== "]") {
    let key = -1;
    let keyEnd = -1;
    if (named) {
      key = at;
      keyEnd = endOfString(text, at);
      at = space(text, text.indexOf(":", keyEnd) + 1);
    }
    const end = endOf(text, at);
    if (total < most) list.push({ key, keyEnd, start: at, end, place: total });
    total += 1;
    at = space(text, end);
    if (text[at] === ",") at = space(text, at + 1);
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
  for (let at = space(text, 0); at < text.length; at = space(text, at)) {
    const sign = text[at] ?? "";
    if (sign === "{" || sign === "[") {
      const after = space(text, at + 1);
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
