// What a person does to dead letters: each act asks first, and says how many it concerns.

import { useEffect, useRef, useState } from "preact/hooks";
import { useAction } from "../../core/action";
import { call, path, send } from "../../core/api";
import { asFailure } from "../../core/list";
import type { Letter } from "../../core/types";
import { Button, Progress, Text } from "../basics";
import { Confirm, Dialog } from "../dialog";
import { TextField } from "../fields";
import { ActionError } from "../states";
import { chosenBy, letters } from "./parts";

const LETTERS = "/v1/webhooks/dead-letter";

/** Acts on each chosen letter, one after the other, and says how far it is. */
export function EachLetter({ chosen: given, kind, close, done }: { chosen: Letter[]; kind: "retry" | "delete"; close: () => void; done: () => void }) {
  // The list behind loses rows meanwhile.
  const [chosen] = useState(given);
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState({ running: false, over: false, good: 0, bad: 0 });
  const [words, setWords] = useState<[number, string][]>([]);
  const stop = useRef(false);
  useEffect(() => () => {
    stop.current = true;
  }, []);
  const number = chosen.length;
  const act = useAction(async (key) => {
    let [good, bad] = [0, 0];
    setAt({ running: true, over: false, good, bad });
    for (const letter of chosen) {
      if (stop.current) break;
      try {
        if (kind === "delete") await call("DELETE", path`/v1/webhooks/dead-letter/${letter.id}`);
        else {
          const made = await send<{ retry_success?: boolean | null }>("POST", path`/v1/webhooks/dead-letter/${letter.id}/retry`, undefined, { key: `${key}-${letter.id}` });
          if (made.retry_success === false) throw new Error("failed again");
        }
        good += 1;
      } catch (error) {
        bad += 1;
        setWords((was) => [...was, [letter.id, asFailure(error).message]]);
      }
      setAt({ running: true, over: false, good, bad });
    }
    setAt({ running: false, over: true, good, bad });
    done();
  });
  const verb = kind === "retry" ? "Retry" : "Delete";
  return (
    <Dialog title={`${verb} ${letters(number)}`} close={close}>
      <form onSubmit={(event) => {
        event.preventDefault();
        if (kind === "retry" || typed === String(number)) void act.run();
      }}>
        {!at.running && !at.over && <p>{kind === "retry" ? "Each gets one attempt now, one after the other. An attempt takes 25 s at most." : "They are thrown away with their payloads. This cannot be undone."}</p>}
        {kind === "delete" && !at.running && !at.over && (
          <label class="field"><span>Type <code>{number}</code> to go on</span><input class="input" inputMode="numeric" autoComplete="off" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} /></label>
        )}
        {(at.running || at.over) && (
          <>
            <Progress done={at.good} bad={at.bad} whole={number} label={`${verb} ${letters(number)}`} />
            <p role="status" class="num">{at.good + at.bad} of {number}: {at.good} {kind === "retry" ? "arrived" : "deleted"}{at.bad > 0 && `, ${at.bad} failed`}{at.over && at.good + at.bad < number && ", stopped"}</p>
          </>
        )}
        {words.length > 0 && <ul class="rows few" tabIndex={0} aria-label="Failures">{words.map(([id, why]) => <li key={id}><span class="num">#{id}</span><span class="faint grow"><Text text={why} /></span></li>)}</ul>}
        <ActionError failure={act.failure} />
        <div class="dialog-foot">
          {at.running ? <Button onClick={() => { stop.current = true; }}>Stop</Button> : <Button onClick={close}>{at.over ? "Close" : "Cancel"}</Button>}
          {!at.over && <Button type="submit" kind={kind === "retry" ? "primary" : "danger"} busy={at.running} disabled={kind === "delete" && typed !== String(number)}>{`${verb} ${letters(number)}`}</Button>}
        </div>
      </form>
    </Dialog>
  );
}

/** How many letters a filter matches, as a dry run says. */
function useMatched(kind: "redrive" | "delete", values: Record<string, string | undefined>) {
  const [matched, setMatched] = useState<number | null>(null);
  const ask = useAction(async () => {
    const would = await send<{ matched: number }>("POST", `${LETTERS}/${kind}`, { ...chosenBy(values), dry_run: true });
    setMatched(would.matched);
  });
  useEffect(() => void ask.run(), []);
  return { matched, failure: ask.failure };
}

function Selection({ values }: { values: Record<string, string | undefined> }) {
  const set = Object.entries(values).filter(([, value]) => value);
  if (!set.length) return <p class="faint">No filter is set: all letters are meant.</p>;
  return <p class="faint">{set.map(([name, value]) => <span key={name} class="selected">{name.replaceAll("_", " ")} <bdi><Text text={value ?? ""} most={80} /></bdi></span>)}</p>;
}

/** Puts back all waiting letters that the filter matches. `started` gets the task's id. */
export function Redrive({ values, close, started }: { values: Record<string, string | undefined>; close: () => void; started: (task: string) => void }) {
  const [rate, setRate] = useState("10");
  const { matched, failure } = useMatched("redrive", values);
  const number = Number(rate);
  const valid = Number.isInteger(number) && number >= 1 && number <= 500;
  const act = useAction(async (key, rate: number) => {
    const made = await send<{ task_id: string }>("POST", `${LETTERS}/redrive`, { ...chosenBy(values), rate }, { key });
    started(made.task_id);
  });
  return (
    <Confirm title="Redrive all that match" action={matched === null ? "Redrive" : `Redrive ${letters(matched)}`} act={{ busy: act.busy, failure: act.failure ?? failure }} disabled={!matched || !valid} confirm={() => void act.run(number)} close={close}>
      <Selection values={values} />
      <p role="status">{matched === null ? "Counting…" : matched === 0 ? "No letter that waits matches." : <><strong>{letters(matched)}</strong> wait and would go back, each with its whole retry schedule{valid && matched > number ? `, in about ${Math.ceil(matched / number)} s` : ""}.</>}</p>
      <TextField label="Letters per second" type="number" inputMode="numeric" value={rate} change={setRate} help="1 to 500. Choose what the receiver can take." {...(valid ? {} : { error: "A whole number from 1 to 500 is needed." })} />
    </Confirm>
  );
}

/** Throws away all letters that the filter matches. */
export function DeleteAll({ values, close, started }: { values: Record<string, string | undefined>; close: () => void; started: (task: string) => void }) {
  const { matched, failure } = useMatched("delete", values);
  const act = useAction(async (key) => {
    const made = await send<{ task_id: string }>("POST", `${LETTERS}/delete`, chosenBy(values), { key });
    started(made.task_id);
  });
  return (
    <Confirm title="Delete all that match" action={matched === null ? "Delete" : `Delete ${letters(matched)}`} kind="danger" typed={matched ? String(matched) : undefined} act={{ busy: act.busy, failure: act.failure ?? failure }} disabled={!matched} confirm={() => void act.run()} close={close}>
      <Selection values={values} />
      <p role="status">{matched === null ? "Counting…" : matched === 0 ? "No letter matches." : <><strong>{letters(matched)}</strong> match. They are thrown away with their payloads. This cannot be undone.</>}</p>
    </Confirm>
  );
}

/** Tries one letter now. */
export function RetryLetter({ letter, close, done }: { letter: Letter; close: () => void; done: () => void }) {
  const [outcome, setOutcome] = useState<boolean | null | undefined>(undefined);
  const [force, setForce] = useState(false);
  const act = useAction(async (key, force: boolean) => {
    const made = await send<{ retry_success?: boolean | null }>("POST", path`/v1/webhooks/dead-letter/${letter.id}/retry`, undefined, { key, query: force ? { force } : {} });
    setOutcome(made.retry_success ?? null);
    done();
  });
  if (outcome !== undefined) {
    return (
      <Dialog title={outcome ? "The letter arrived" : outcome === false ? "It failed again" : letter.kind === "message" ? "The message went back to its queue" : "A worker is at it"} close={close}>
        <p>{outcome ? "The endpoint has it now." : outcome === false ? "The newest attempt below says why. The letter stays here." : "The letter changes here when that has ended."}</p>
        <div class="dialog-foot"><Button onClick={close}>Close</Button></div>
      </Dialog>
    );
  }
  const arrived = act.failure?.status === 400;
  return (
    <Confirm title={`Retry letter ${letter.id}?`} action="Retry now" act={act} disabled={arrived && !force} confirm={() => void act.run(force)} close={close}>
      <p>{letter.kind === "message" ? "The message goes back to its queue." : <>One attempt is made now, of 25 s at most, at <code><Text text={letter.webhook_url ?? ""} /></code>.</>}</p>
      {arrived && <label class="inline"><input type="checkbox" checked={force} onChange={() => setForce(!force)} />Send it although it has arrived</label>}
    </Confirm>
  );
}

export function DeleteLetter({ letter, close, done }: { letter: Letter; close: () => void; done: () => void }) {
  const act = useAction(async () => {
    await call("DELETE", path`/v1/webhooks/dead-letter/${letter.id}`);
    done();
  });
  return (
    <Confirm title={`Delete letter ${letter.id}?`} action="Delete the letter" kind="danger" typed={String(letter.id)} act={act} confirm={() => void act.run()} close={close}>
      <p>It is thrown away with its payload. This cannot be undone.</p>
    </Confirm>
  );
}
