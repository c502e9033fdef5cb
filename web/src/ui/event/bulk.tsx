// What is done with many events: sending them again, and taking them along as a file.

import { useEffect, useRef, useState } from "preact/hooks";
import { type Failure, type Query, get, getText, newKey, path, send } from "../../core/api";
import { count, plural } from "../../core/format";
import { type Part, asFailure } from "../../core/list";
import type { EventRow } from "../../core/types";
import { Button, Progress, Text } from "../basics";
import { Dialog } from "../dialog";
import { save } from "../save";
import { ActionError } from "../states";
import { each, patient } from "./many";

/** Most events that are sent again at once. */
const MOST = 500;
/** Most events of an export. */
const EXPORTED = 10_000;

/** A signal that ends with the component, or when `abort` is called. */
function useAbort(): AbortController {
  const abort = useRef(new AbortController());
  useEffect(() => () => abort.current.abort(), []);
  return abort.current;
}

interface Replayed {
  deliveries: number;
  endpoints: string[];
}

/** Sends the chosen events again. Says first how many go to whom. */
export function ReplayMany({ ids, application, done, close }: { ids: string[]; application: string | undefined; done: () => void; close: () => void }) {
  const abort = useAbort();
  const [step, setStep] = useState<"asking" | "asked" | "sending" | "sent">("asking");
  const [at, setAt] = useState(0);
  const [failed, setFailed] = useState(new Map<string, Failure>());
  const [receivers, setReceivers] = useState(new Map<string, number>());
  const [urls, setUrls] = useState(new Map<string, string>());
  // The same event is not sent twice, however often the button is pressed after an error.
  const key = useRef(newKey());
  const tick = () => setAt((was) => was + 1);
  const many = ids.length > MOST;
  useEffect(() => {
    if (many) return;
    const found = new Map<string, number>();
    get<{ data: { id: string; url: string }[] }>("/v1/endpoints", { application, limit: 250 }, abort.signal)
      .then(({ data }) => setUrls(new Map(data.map((one) => [one.id, one.url]))), () => undefined);
    const ask = async (id: string) => {
      const { endpoints } = await send<Replayed>("POST", path`/v1/events/${id}/replay`, { dry_run: true }, { key: newKey(), signal: abort.signal });
      for (const one of endpoints) found.set(one, (found.get(one) ?? 0) + 1);
    };
    void each(ids, ask, tick, abort.signal).then((failed) => {
      if (abort.signal.aborted) return;
      setFailed(failed);
      setReceivers(found);
      setStep("asked");
    });
  }, []);
  const replay = async () => {
    const again = step === "sent" ? [...failed.keys()] : ids.filter((id) => !failed.has(id));
    setStep("sending");
    setAt(0);
    const refused = await each(again, (id) => send("POST", path`/v1/events/${id}/replay`, {}, { key: `${key.current}-${id}`, signal: abort.signal }), tick, abort.signal);
    if (abort.signal.aborted) return;
    setFailed(refused);
    setStep("sent");
    done();
  };
  const whole = [...receivers.values()].reduce((sum, one) => sum + one, 0);
  const fit = ids.length - failed.size;
  return (
    <Dialog title={`Replay ${plural(ids.length, "event")}`} close={close}>
      <div class="stack">
        {many && <p class="notice warn">At most {MOST} events are sent again at once. Choose fewer, or recover an endpoint since a time on its own page.</p>}
        {!many && (step === "asking" || step === "sending") && (
          <>
            <p role="status">{step === "asking" ? "Asking who receives them" : "Sending"}: {count(at)} of {count(ids.length)}</p>
            <Progress done={at} whole={ids.length} label={step === "asking" ? "Events asked for" : "Events sent"} />
          </>
        )}
        {step === "asked" && (
          <>
            <p>{whole === 0 ? "Nobody receives them: no endpoint's types, channels and filter match now." : `${plural(fit, "event")} ${fit === 1 ? "makes" : "make"} ${plural(whole, "delivery", "deliveries")} to ${plural(receivers.size, "endpoint")}:`}</p>
            {receivers.size > 0 && (
              <ul class="receivers">
                {[...receivers].slice(0, 20).map(([id, events]) => <li key={id}><Text text={urls.get(id) ?? id} most={120} /> <span class="faint">{plural(events, "event")}</span></li>)}
                {receivers.size > 20 && <li class="faint">and {receivers.size - 20} more</li>}
              </ul>
            )}
          </>
        )}
        {step === "sent" && <p role="status">{plural(ids.length - failed.size, "event")} of {count(ids.length)} {ids.length - failed.size === 1 ? "was" : "were"} sent again.</p>}
        {failed.size > 0 && (
          <div class="notice warn">
            <div>
              <strong>{plural(failed.size, "event")} {step === "sent" ? "could not be sent" : "cannot be sent"}</strong>
              <ul>{[...failed].slice(0, 5).map(([id, failure]) => <li key={id}><span class="id">{id}</span>: {failure.message}</li>)}</ul>
              {failed.size > 5 && <p>and {failed.size - 5} more</p>}
            </div>
          </div>
        )}
        <div class="dialog-foot">
          <Button onClick={close}>{step === "sent" ? "Close" : "Cancel"}</Button>
          {!many && step !== "sent" && <Button kind="primary" busy={step === "sending"} disabled={step === "asking" || whole === 0} onClick={() => void replay()}>Replay</Button>}
          {step === "sent" && failed.size > 0 && <Button kind="primary" onClick={() => void replay()}>Try these again</Button>}
        </div>
      </div>
    </Dialog>
  );
}

/** Saves events as JSON lines: the chosen ones with their payloads, or all that match the filters. */
export function Export({ ids, query, close }: { ids: string[]; query: Query; close: () => void }) {
  const abort = useAbort();
  const [chosen, setChosen] = useState(ids.length > 0);
  const [at, setAt] = useState<number | null>(null);
  const [scanned, setScanned] = useState(0);
  const [more, setMore] = useState(false);
  const [over, setOver] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const lines = useRef<string[]>([]);
  const write = () => {
    save(`events-${new Date().toISOString().slice(0, 19)}.jsonl`, lines.current.map((one) => `${one}\n`), "application/jsonl");
    setOver(true);
  };
  const run = async () => {
    setAt(0);
    setFailure(null);
    lines.current = [];
    try {
      if (chosen) {
        const texts = new Map<string, string>();
        // A line break can stand only between the parts of JSON, where a space says the same.
        const read = async (id: string) => void texts.set(id, (await getText(path`/v1/events/${id}`, undefined, abort.signal)).replace(/[\r\n]+/g, " "));
        const failed = await each(ids, read, () => setAt(texts.size), abort.signal);
        lines.current = ids.flatMap((id) => texts.get(id) ?? []);
        const first = [...failed.values()][0];
        if (first) throw first;
      } else {
        let iterator: string | undefined;
        do {
          const part: Part<EventRow> = await patient(() => get("/v1/events", { ...query, iterator, limit: 250 }, abort.signal), abort.signal);
          for (const row of part.data.slice(0, EXPORTED - lines.current.length)) lines.current.push(JSON.stringify(row));
          iterator = part.done ? undefined : (part.iterator ?? undefined);
          setAt(lines.current.length);
          setScanned((was) => was + (part.scanned ?? 0));
        } while (iterator && lines.current.length < EXPORTED);
        setMore(iterator !== undefined);
      }
      if (!abort.signal.aborted) write();
    } catch (error) {
      if (!abort.signal.aborted) setFailure(asFailure(error));
    }
  };
  const running = at !== null && !over && !failure;
  return (
    <Dialog title="Export events" close={close}>
      <form class="stack" onSubmit={(event) => { event.preventDefault(); void run(); }}>
        <fieldset class="choices" disabled={running}>
          <legend class="hidden">Which events</legend>
          <label><input type="radio" name="which" checked={chosen} disabled={ids.length === 0} onChange={() => setChosen(true)} /> <span>The {ids.length ? plural(ids.length, "chosen event") : "chosen events"}, with payloads and deliveries</span></label>
          <label><input type="radio" name="which" checked={!chosen} onChange={() => setChosen(false)} /> <span>All that match the filters, as the list has them; at most {count(EXPORTED)}</span></label>
        </fieldset>
        <p class="faint">One event per line, as JSON.</p>
        {at !== null && (
          <p role="status">
            {over ? `${plural(lines.current.length, "event")} saved.` : `${plural(at, "event")} read`}{!over && scanned > at && `, ${count(scanned)} searched`}
            {over && more && ` More match; narrow the filters to have the rest.`}
          </p>
        )}
        {running && <Progress done={at} whole={chosen ? ids.length : EXPORTED} label="Events read" />}
        <ActionError failure={failure} />
        <div class="dialog-foot">
          <Button onClick={close}>{over ? "Close" : "Cancel"}</Button>
          {failure && lines.current.length > 0 && <Button onClick={write}>Save the {count(lines.current.length)} that were read</Button>}
          {!over && <Button type="submit" kind="primary" icon="download" busy={running}>{failure ? "Try again" : "Export"}</Button>}
        </div>
      </form>
    </Dialog>
  );
}
