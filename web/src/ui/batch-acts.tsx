// What a person does to a batch.

import { useEffect, useRef, useState } from "preact/hooks";
import { useAction } from "../core/action";
import { path, send } from "../core/api";
import { count, plural } from "../core/format";
import type { Batch } from "../core/types";
import { Button, Progress } from "./basics";
import { Confirm, Dialog } from "./dialog";
import { TextField } from "./fields";
import { ActionError } from "./states";

export function CloseBatch({ batch, close, done }: { batch: Batch; close: () => void; done: (batch: Batch) => void }) {
  const [size, setSize] = useState("");
  const wrong = size !== "" && !/^[1-9]\d*$/.test(size);
  const act = useAction(async (key, size: string) => {
    done(await send<Batch>("POST", path`/v1/batches/${batch.id}/close`, size ? { size: Number(size) } : {}, { key, query: { application: batch.application } }));
    close();
  });
  return (
    <Confirm title="Close the batch" action="Close the batch" act={act} disabled={wrong} confirm={() => void act.run(size)} close={close}>
      <p>A closed batch ends when all of its jobs have ended. {plural(batch.known, "job is", "jobs are")} known.</p>
      <TextField label="Number of jobs" value={size} change={setSize} inputMode="numeric" placeholder={String(batch.known)} help="Left empty, it has the jobs that are known now." error={wrong ? "A whole number is needed." : undefined} />
    </Confirm>
  );
}

/** Cancels the jobs that have not ended, a part of them with each request. */
export function CancelRest({ batch, left, close, done }: { batch: Batch; left: number; close: () => void; done: () => void }) {
  const [at, setAt] = useState({ running: false, cancelled: 0, left });
  const stop = useRef(false);
  useEffect(() => () => {
    stop.current = true;
  }, []);
  const act = useAction(async (key) => {
    stop.current = false;
    let cancelled = at.cancelled;
    setAt({ running: true, cancelled, left: at.left });
    try {
      for (let n = 0; !stop.current; n += 1) {
        const made = await send<{ cancelled: number; left: number }>("POST", path`/v1/batches/${batch.id}/cancel`, undefined, { key: `${key}-${n}`, query: { application: batch.application } });
        cancelled += made.cancelled;
        setAt({ running: made.left > 0, cancelled, left: made.left });
        if (made.left === 0) break;
      }
    } finally {
      setAt((was) => ({ ...was, running: false }));
      done();
    }
  });
  const begun = at.cancelled > 0 || at.running;
  const over = begun && at.left === 0 && !at.running;
  return (
    <Dialog title="Cancel what is left" close={close}>
      <form onSubmit={(event) => {
        event.preventDefault();
        void act.run();
      }}>
        {!begun && <p>{plural(left, "job")} of the batch {left === 1 ? "has" : "have"} not ended. Each is cancelled, and its platform is told to stop it.</p>}
        {begun && (
          <>
            <Progress done={at.cancelled} whole={at.cancelled + at.left} label="Jobs that were cancelled" />
            <p role="status" class="num">{count(at.cancelled)} cancelled, {count(at.left)} left</p>
          </>
        )}
        <ActionError failure={act.failure} />
        <div class="dialog-foot">
          {at.running ? <Button onClick={() => { stop.current = true; }}>Stop</Button> : <Button onClick={close}>{begun ? "Close" : "Keep them"}</Button>}
          {!over && <Button type="submit" kind="danger" busy={at.running}>{begun ? "Go on" : `Cancel ${plural(left, "job")}`}</Button>}
        </div>
      </form>
    </Dialog>
  );
}
