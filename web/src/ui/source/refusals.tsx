// Refused requests in words.

import { useState } from "preact/hooks";
import { bytes, count, plural } from "../../core/format";
import { exact } from "../../core/time";
import type { Refusals } from "../../core/types";
import { Badge, Button, Tag, Text, When } from "../basics";
import { Bars } from "../bars";
import { reasonWords } from "./shared";

const HOUR = 3_600_000;

/** Numbers by hour, of the last `hours`: of each reason, and of all. */
function byHour(counts: Refusals["counts"], hours: number) {
  const first = Math.floor(Date.now() / HOUR) - hours + 1;
  const all = new Array<number>(hours).fill(0);
  const reasons = new Map<string, number[]>();
  for (const one of counts) {
    const place = Math.floor(Date.parse(one.minute) / HOUR) - first;
    if (place < 0 || place >= hours) continue;
    const row = reasons.get(one.reason) ?? new Array<number>(hours).fill(0);
    row[place] = (row[place] ?? 0) + one.count;
    all[place] = (all[place] ?? 0) + one.count;
    reasons.set(one.reason, row);
  }
  return { first, all, reasons: [...reasons].map(([reason, row]) => ({ reason, row, sum: row.reduce((sum, n) => sum + n, 0) })).sort((a, b) => b.sum - a.sum) };
}

/** Refusals by reason and hour, with bars for the whole and a row for each reason. */
export function RefusalsByReason({ refusals, hours = 24 }: { refusals: Refusals; hours?: number }) {
  const { first, all, reasons } = byHour(refusals.counts, hours);
  const step = (n: number) => exact((first + n) * HOUR).slice(0, 16);
  if (reasons.length === 0) return <p class="none">Nothing was refused in the last {hours} hours.</p>;
  return (
    <div class="card stack">
      <Bars good={[]} bad={all} names={["", "refused"]} words={`the last ${hours} hours`} height={44} step={step} />
      <table class="plain">
        <caption class="hidden">Refusals by reason</caption>
        <thead><tr><th scope="col">Reason</th><th scope="col" class="end">Refused</th><th scope="col" class="wide">By hour</th></tr></thead>
        <tbody>
          {reasons.map(({ reason, row, sum }) => (
            <tr key={reason}>
              <th scope="row">{reasonWords(reason)}</th>
              <td class="end num">{count(sum)}</td>
              <td class="wide"><Bars good={[]} bad={row} names={["", "refused"]} words={`the last ${hours} hours`} height={16} step={step} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      {!refusals.complete && <p class="faint">There were too many to count all{refusals.counted_from && <>; they are counted from {exact(refusals.counted_from)} on</>}.</p>}
    </div>
  );
}

/** A sentence of the relay, in which names stand between grave accents. */
export function Sentence({ text }: { text: string }) {
  return <>{text.split("`").map((part, n) => (n % 2 ? <code key={n}><Text text={part} /></code> : <Text key={n} text={part} most={600} />))}</>;
}

/** The newest refused requests: what was wrong with each, and what came. */
export function Samples({ samples, label = "Refused requests", most = 6 }: { samples: Refusals["samples"]; label?: string; most?: number }) {
  const [all, setAll] = useState(false);
  return (
    <>
      <ul class="card rows" aria-label={label}>
        {samples.slice(0, all ? 250 : most).map((sample, n) => <Sample key={`${sample.at} ${n}`} sample={sample} />)}
      </ul>
      {!all && samples.length > most && <p class="below"><Button onClick={() => setAll(true)}>Show all {samples.length}</Button></p>}
    </>
  );
}

function Sample({ sample }: { sample: Refusals["samples"][number] }) {
  const [open, setOpen] = useState(false);
  return (
    <li class="sample">
      <div class="sample-line">
        <Badge tone="bad">{reasonWords(sample.reason)}</Badge>
        <span class="grow"><Sentence text={sample.sentence} /></span>
      </div>
      <div class="faint sample-more">
        <When at={sample.at} />
        <span>{bytes(sample.bytes)}{sample.content_type && <> of <Text text={sample.content_type} most={80} /></>}{sample.caller && <> from <Text text={sample.caller} most={60} /></>}</span>
        {sample.headers.length > 0 && <button type="button" class="link" aria-expanded={open} onClick={() => setOpen(!open)}>{plural(sample.headers.length, "header")}</button>}
      </div>
      {open && <div class="tags">{sample.headers.map((name) => <Tag key={name}><Text text={name} most={80} /></Tag>)}</div>}
    </li>
  );
}
