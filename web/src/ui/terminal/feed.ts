// The log of a job as it grows: pushed over the live connection, read over HTTP only where there is none or for lines long past.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get, path } from "../../core/api";
import { type LiveMessage, lamp } from "../../core/live";
import { type Line, Log } from "./log";

interface Part {
  data: Line[];
  follow_token: string;
  has_more: boolean;
  dropped: number;
}

export interface Feed {
  log: Log;
  /** Changes with the log, ten times a second at most. */
  version: number;
  hear: (message: LiveMessage) => void;
  /** Reads the newest lines if they are not pushed. */
  resync: () => void;
  /** Reads every line that the relay has: those before the ones held, or with `anew` all, for lines that came late. */
  whole: (anew?: boolean) => Promise<void>;
}

/** Most requests for one log: 50,000 lines in parts of 1,000, and some that came meanwhile. */
const PARTS = 60;

/** The log of the job with the relay's id `id`; empty while that is not known. */
export function useLog(id: string): Feed {
  const held = useRef({ id: "", log: new Log(), timer: 0, drawn: 0, reading: null as Promise<void> | null });
  const [version, draw] = useState(0);
  const now = held.current;
  if (now.id !== id) {
    clearTimeout(now.timer);
    held.current = { id, log: new Log(), timer: 0, drawn: 0, reading: null };
  }
  const soon = useCallback(() => {
    const now = held.current;
    if (now.timer) return;
    now.timer = window.setTimeout(() => {
      now.timer = 0;
      now.drawn = Date.now();
      draw((count) => count + 1);
    }, Math.max(0, now.drawn + 100 - Date.now()));
  }, []);
  useEffect(() => () => clearTimeout(held.current.timer), []);
  const hear = useCallback((message: LiveMessage) => {
    if (message.event !== "log_lines") return;
    if (held.current.log.append(message["lines"] as Line[])) soon();
  }, [soon]);
  const resync = useCallback(() => {
    const { id, log } = held.current;
    if (!id || lamp.value.state === "live") return;
    get<Part>(path`/v1/jobs/${id}/logs`, { limit: 1000 }).then((part) => {
      log.gone ||= part.dropped;
      if (log.append(part.data)) soon();
    }, () => undefined);
  }, [soon]);
  const whole = useCallback((anew = false) => {
    const now = held.current;
    if (!now.log.earlier && !anew) return Promise.resolve();
    const read = async () => {
      const lines: Line[] = [];
      let part: Part | undefined;
      for (let n = 0; n < PARTS && (!part || part.has_more); n += 1) {
        part = await get<Part>(path`/v1/jobs/${now.id}/logs`, part ? { follow_token: part.follow_token, limit: 1000 } : { after: 0, limit: 1000 });
        lines.push(...part.data);
      }
      now.log.replace(lines, part?.dropped ?? 0);
      soon();
    };
    now.reading ??= read().finally(() => {
      now.reading = null;
    });
    return now.reading;
  }, [soon]);
  return { log: held.current.log, version, hear, resync, whole };
}
