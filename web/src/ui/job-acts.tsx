// What a person does to a job: each act asks first.

import { useEffect, useState } from "preact/hooks";
import { useAction } from "../core/action";
import { get, path, send } from "../core/api";
import { line, plural } from "../core/format";
import { asFailure, useThing } from "../core/list";
import type { Job, JobDetail, Source } from "../core/types";
import { Badge, Button, Text } from "./basics";
import { Confirm, Dialog } from "./dialog";
import { AreaField, Segments } from "./fields";
import { ActionError } from "./states";

const TOLD: Record<string, string> = {
  reached: "Its platform was told to stop it.", pending: "Its platform is being told to stop it.",
  failed: "Its platform could not be told; the job may go on there.", unconfigured: "The relay cannot tell its platform; the job may go on there.",
};

export function CancelJob({ job, close, done }: { job: JobDetail; close: () => void; done: (job: Job) => void }) {
  const [words, setWords] = useState("");
  const cancel = useAction(async (key) => {
    const { platform, ...next } = await send<Job & { platform: string }>("POST", path`/v1/jobs/${job.id}/cancel`, undefined, { key });
    done(next);
    setWords(TOLD[platform] ?? "");
  });
  if (words) return <Dialog title="The job is cancelled" close={close}><p>{words}</p><div class="dialog-foot"><Button onClick={close}>Close</Button></div></Dialog>;
  return (
    <Confirm title="Cancel this job?" action="Cancel the job" kind="danger" act={cancel} confirm={() => void cancel.run()} close={close}>
      <p>Its end is announced as <code>job.cancelled</code>, and its platform is told to stop it. What it reports afterwards changes nothing.</p>
      <p class="faint"><Text text={job.external_id} /></p>
    </Confirm>
  );
}

/** A body as the sender would post it for this end: the start of what the person writes. */
function bodyOf(profile: string, job: Job, good: boolean): string {
  const outcome = good ? { result: {} } : { error: "reported by an operator" };
  const ids = { job_id: job.external_id, batch_id: job.batch_id || undefined };
  const body = profile === "modal" || profile === "modal-omtx"
    ? { call_id: job.call_id ?? job.external_id, status: good ? "success" : "failed", ...outcome, metadata: ids }
    : { ...ids, status: good ? "completed" : "failed", ...outcome };
  return JSON.stringify(body, null, 2);
}

/** Reports an end in the sender's place. The body is sent as it was written, to the digit. */
export function InjectEnd({ job, close }: { job: Job; close: () => void }) {
  const [outcome, setOutcome] = useState("good");
  const [own, setOwn] = useState<string | null>(null);
  const source = useThing(job.source, (signal) => get<Source>(path`/v1/sources/${job.source}`, undefined, signal));
  const profile = source.value?.profile ?? "";
  const text = own ?? bodyOf(profile, job, outcome === "good");
  let wrong = "";
  try {
    JSON.parse(text);
  } catch (error) {
    wrong = line(String((error as Error).message), 200);
  }
  const inject = useAction(async (key, text: string) => {
    await send("POST", path`/v1/sources/${job.source}/inject`, undefined, { key, text: `{"body":${text}}` });
    close();
  });
  return (
    <Confirm title="Report the job's end" action="Report" act={inject} disabled={Boolean(wrong) || (!source.value && !source.failure)} confirm={() => void inject.run(text)} close={close}>
      <p>The body is accepted as if <Text text={job.source} /> had sent it, and stays marked as an operator's.</p>
      <Segments label="How it ended" value={outcome} change={(next) => { setOutcome(next); setOwn(null); }} choices={[{ value: "good", title: "Succeeded" }, { value: "bad", title: "Failed" }]} />
      <AreaField label="Body" value={text} change={setOwn} rows={9} code help={profile ? `As a sender of the profile ${profile} writes it.` : "As its sender writes it."} error={wrong} />
    </Confirm>
  );
}

interface Replay {
  id: string;
  type: string;
  /** Receivers that a replay reaches; null until the relay has said it. */
  receivers: number | null;
  state: "" | "done" | "failed";
  words: string;
}

/** Sends notices again, after it was said how many receivers each reaches. */
export function ReplayNotices({ job, close }: { job: JobDetail; close: () => void }) {
  const [all, setAll] = useState<Replay[]>(job.events.map(({ id, type }) => ({ id, type, receivers: null, state: "", words: "" })));
  const [chosen, setChosen] = useState(new Set(job.events.slice(-1).map((event) => event.id)));
  const put = (id: string, change: Partial<Replay>) => setAll((was) => was.map((one) => (one.id === id ? { ...one, ...change } : one)));
  useEffect(() => {
    for (const event of job.events) send<{ deliveries: number }>("POST", path`/v1/events/${event.id}/replay`, { dry_run: true }).then(
      (would) => put(event.id, { receivers: would.deliveries }),
      (error) => put(event.id, { words: asFailure(error).message }),
    );
  }, []);
  const replay = useAction(async (key, ids: string[]) => {
    let failure: unknown = null;
    for (const id of ids) {
      try {
        // The requests of one act have keys of their own.
        await send("POST", path`/v1/events/${id}/replay`, {}, { key: `${key}-${id}` });
        put(id, { state: "done", words: "" });
      } catch (error) {
        failure = error;
        put(id, { state: "failed", words: asFailure(error).message });
      }
    }
    if (failure) throw failure;
  });
  const over = all.some((one) => one.state === "done");
  const wanted = all.filter((one) => chosen.has(one.id) && one.state !== "done");
  return (
    <Dialog title="Replay notices of this job" close={close}>
      <form onSubmit={(event) => {
        event.preventDefault();
        void replay.run(wanted.map((one) => one.id));
      }}>
        <ul class="rows">
          {all.map((one) => (
            <li key={one.id}>
              <label class="inline grow">
                <input type="checkbox" checked={chosen.has(one.id)} disabled={one.state === "done"} onChange={() => {
                  const next = new Set(chosen);
                  if (!next.delete(one.id)) next.add(one.id);
                  setChosen(next);
                }} />
                <Text text={one.type} />
              </label>
              {one.state === "done" ? <Badge tone="good">Sent again</Badge> : <span class="faint">{one.words ? line(one.words, 120) : one.receivers === null ? "…" : plural(one.receivers, "receiver")}</span>}
            </li>
          ))}
        </ul>
        <ActionError failure={replay.failure} />
        <div class="dialog-foot">
          <Button onClick={close}>{over ? "Close" : "Cancel"}</Button>
          <Button type="submit" kind="primary" busy={replay.busy} disabled={!wanted.length}>{`Replay ${plural(wanted.length, "notice")}`}</Button>
        </div>
      </form>
    </Dialog>
  );
}
