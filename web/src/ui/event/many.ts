// Work on many events: four requests at a time, as slowly as the relay asks.

import { Failure } from "../../core/api";
import { asFailure } from "../../core/list";

const AT_ONCE = 4;
/** A request is made again so often if the relay asks to wait. */
const TRIES = 6;

/** Waits for `work` and does it again when the relay asks to wait. */
export async function patient<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Failure) || error.status === 409 || error.kind !== "busy" || tries === TRIES || signal.aborted) throw error;
      await new Promise((then) => setTimeout(then, (error.retryAfter || tries) * 1000));
    }
  }
}

/** Does `work` for each item. Returns what failed; stops where `signal` says so. `tick` is called after each. */
export async function each<T>(items: T[], work: (item: T) => Promise<void>, tick: () => void, signal: AbortSignal): Promise<Map<T, Failure>> {
  const failed = new Map<T, Failure>();
  let next = 0;
  const worker = async () => {
    while (next < items.length && !signal.aborted) {
      const item = items[next] as T;
      next += 1;
      try {
        await patient(() => work(item), signal);
      } catch (error) {
        if (signal.aborted) return;
        failed.set(item, asFailure(error));
      }
      tick();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return failed;
}
