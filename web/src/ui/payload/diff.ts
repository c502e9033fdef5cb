// Lines that two texts share and do not share.

export interface Change {
  sign: " " | "-" | "+";
  text: string;
  /** Numbers of the line in the old and the new text; 0 where it is not. */
  old: number;
  now: number;
}

/**
 * The changes from `a` to `b`, by Myers' algorithm. More than `most` differing lines between the common beginning and
 * end are not compared one by one: all of `a`'s come first, then all of `b`'s.
 */
export function diff(a: string[], b: string[], most = 1000): Change[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const signs = middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail), most);
  const all = " ".repeat(head) + signs + " ".repeat(tail);
  let old = 0;
  let now = 0;
  return Array.from(all, (sign) => {
    if (sign !== "+") old += 1;
    if (sign !== "-") now += 1;
    return { sign: sign as Change["sign"], text: (sign === "+" ? b[now - 1] : a[old - 1]) ?? "", old: sign === "+" ? 0 : old, now: sign === "-" ? 0 : now };
  });
}

function middle(a: string[], b: string[], most: number): string {
  const simple = "-".repeat(a.length) + "+".repeat(b.length);
  if (!a.length || !b.length) return simple;
  // reached[k] is how far into `a` a path of `d` changes comes on diagonal k (place in `a` less place in `b`).
  const limit = Math.min(most, a.length + b.length);
  const reached = new Int32Array(2 * limit + 3);
  const middle = limit + 1;
  const trace: Int32Array[] = [];
  const value = (array: Int32Array, k: number) => array[middle + k] ?? 0;
  for (let d = 0; d <= limit; d += 1) {
    trace.push(reached.slice());
    for (let k = -d; k <= d; k += 2) {
      let x = k === -d || (k !== d && value(reached, k - 1) < value(reached, k + 1)) ? value(reached, k + 1) : value(reached, k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reached[middle + k] = x;
      if (x < a.length || x - k < b.length) continue;
      // The end is reached: the way back.
      let signs = "";
      let at = a.length;
      let diagonal = k;
      for (let step = d; step > 0; step -= 1) {
        const was = trace[step] ?? reached;
        const down = diagonal === -step || (diagonal !== step && value(was, diagonal - 1) < value(was, diagonal + 1));
        const from = down ? value(was, diagonal + 1) : value(was, diagonal - 1);
        const begin = down ? from : from + 1;
        signs = (down ? "+" : "-") + " ".repeat(at - begin) + signs;
        at = from;
        diagonal += down ? 1 : -1;
      }
      return " ".repeat(at) + signs;
    }
  }
  return simple;
}
