// Reading again after pushes, at a pace that the relay can bear.

import { useCallback, useEffect, useRef } from "preact/hooks";

/** Calls `act` once, `milliseconds` after the first of several calls of what is returned, if somebody can see it. */
export function useSoon(act: () => void, milliseconds = 1000): () => void {
  const timer = useRef(0);
  const current = useRef(act);
  current.current = act;
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    timer.current ||= window.setTimeout(() => {
      timer.current = 0;
      if (!document.hidden) current.current();
    }, milliseconds);
  }, [milliseconds]);
}

/** Calls `act` when `key` has been the same for `milliseconds`. The key of the first drawing counts as well. */
export function useSettled(key: string, act: () => void, milliseconds = 400): void {
  const current = useRef(act);
  current.current = act;
  useEffect(() => {
    const timer = setTimeout(() => current.current(), milliseconds);
    return () => clearTimeout(timer);
  }, [key, milliseconds]);
}
