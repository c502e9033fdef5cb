// What is done when something changes, but not each time that it changes.

import { useEffect, useRef } from "preact/hooks";

/** Calls `work` soon after the returned function was called, at most once in `every` ms and only while the page is seen. */
export function useAtMost(work: () => void, every = 1000): () => void {
  const held = useRef({ timer: 0, last: 0, work });
  held.current.work = work;
  useEffect(() => {
    const now = held.current;
    return () => clearTimeout(now.timer);
  }, []);
  return () => {
    const now = held.current;
    now.timer ||= window.setTimeout(() => {
      now.timer = 0;
      now.last = Date.now();
      if (!document.hidden) now.work();
    }, Math.max(0, now.last + every - Date.now()));
  };
}
