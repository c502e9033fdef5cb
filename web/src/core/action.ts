// What a person does: once, however often the button is pressed, and with its error beside the form.

import { useCallback, useRef, useState } from "preact/hooks";
import { type Failure, newKey } from "./api";
import { asFailure } from "./list";

export interface Action<A extends unknown[]> {
  run: (...args: A) => Promise<boolean>;
  busy: boolean;
  failure: Failure | null;
  reset: () => void;
}

/**
 * Carries out `work`, which gets a key for `Idempotency-Key`. The key stays the same until the work has succeeded
 * or `reset` was called, so that a second try of the same form is the same request.
 */
export function useAction<A extends unknown[]>(work: (key: string, ...args: A) => Promise<void>): Action<A> {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const key = useRef("");
  const said = useRef("");
  const running = useRef(false);
  const current = useRef(work);
  current.current = work;
  const run = useCallback(async (...args: A) => {
    if (running.current) return false;
    running.current = true;
    setBusy(true);
    setFailure(null);
    // Other arguments are another request. A key may not be used for two.
    let words = "";
    try {
      words = JSON.stringify(args) ?? "";
    } catch {
      // Arguments that are no JSON, such as an event of the browser, do not tell requests apart.
    }
    if (!key.current || said.current !== words) key.current = newKey();
    said.current = words;
    try {
      await current.current(key.current, ...args);
      key.current = "";
      return true;
    } catch (error) {
      const failed = asFailure(error);
      // A refused request was not done; corrected, it is another.
      if (failed.kind === "invalid") key.current = "";
      setFailure(failed);
      return false;
    } finally {
      running.current = false;
      setBusy(false);
    }
  }, []);
  const reset = useCallback(() => {
    key.current = "";
    setFailure(null);
  }, []);
  return { run, busy, failure, reset };
}
