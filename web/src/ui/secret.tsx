// A secret that is shown for a minute.

import { useEffect, useState } from "preact/hooks";
import { useStore } from "../core/store";
import { now } from "../core/time";
import { Code } from "./basics";

const SECONDS = 60;

/** Shows `secret` until a minute is over, then calls `over`. */
export function ShownSecret({ secret, over, what = "secret" }: { secret: string; over: () => void; what?: string }) {
  const [until] = useState(() => Date.now() + SECONDS * 1000);
  const left = Math.ceil((until - useStore(now)) / 1000);
  useEffect(() => {
    if (left <= 0) over();
  }, [left <= 0]);
  return (
    <>
      <Code text={secret} what={what} />
      <p class="help" role="timer">Hidden again in {Math.max(left, 0)} s.</p>
    </>
  );
}
