// A box of many lines of one height, of which only those in sight are drawn.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const HEIGHT = 20;

/** The width of a box in pixels and of one sign in its font. */
export function useWidth(): [{ current: HTMLDivElement | null }, number, number] {
  const box = useRef<HTMLDivElement>(null);
  const [size, set] = useState<[number, number]>([0, 7.6]);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const probe = element.querySelector<HTMLElement>(".probe");
    const measure = () => set([element.clientWidth, (probe?.getBoundingClientRect().width ?? 76) / 10 || 7.6]);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return [box, ...size];
}

/** Lines 0 to `count`. What is marked as current, in line `at`, is brought into sight when `mark` is another. */
export function Lines({ label, count, line, at = -1, mark, box }: { label: string; count: number; line: (place: number) => ComponentChildren; at?: number; mark?: unknown; box: { current: HTMLDivElement | null } }) {
  const [first, setFirst] = useState(0);
  const [fits, setFits] = useState(30);
  const sought = useRef(false);
  const measure = () => {
    const element = box.current;
    if (!element) return;
    setFirst(Math.max(0, Math.floor(element.scrollTop / HEIGHT) - 10));
    setFits(Math.ceil(element.clientHeight / HEIGHT) + 20);
  };
  useLayoutEffect(measure, [count]);
  useEffect(() => {
    const element = box.current;
    if (!element || at < 0) return;
    const top = at * HEIGHT;
    if (top < element.scrollTop || top > element.scrollTop + element.clientHeight - 2 * HEIGHT) element.scrollTop = top - element.clientHeight / 3;
    sought.current = true;
  }, [at, mark, box]);
  // The line is drawn once the box has scrolled to it. The box itself may be out of sight.
  useEffect(() => {
    const found = sought.current ? box.current?.querySelector(".current") : null;
    if (!found) return;
    sought.current = false;
    found.scrollIntoView({ block: "nearest" });
  });
  return (
    <div class="sheet" ref={box} tabIndex={0} role="group" aria-label={label} onScroll={measure}>
      <span class="probe" aria-hidden="true">0000000000</span>
      <div class="sheet-all" style={{ height: `${count * HEIGHT}px` }}>
        <div style={{ transform: `translateY(${first * HEIGHT}px)` }}>
          {Array.from({ length: Math.max(0, Math.min(fits, count - first)) }, (_, n) => line(first + n))}
        </div>
      </div>
    </div>
  );
}
