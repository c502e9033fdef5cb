// What needs a look: troubles, alarms, silent sources, endpoints in trouble, refused requests.

import type { ComponentChildren } from "preact";
import type { Status } from "../../core/contract";
import { plural } from "../../core/format";
import { applicationName } from "../../core/scope";
import { span } from "../../core/time";
import type { EndpointRow, Refusals } from "../../core/types";
import { For, Text, type Tone, When } from "../../ui/basics";
import { EndpointState } from "../../ui/endpoint-state";
import { Icon } from "../../ui/icons";
import { told } from "../../ui/trouble";

const RANK = ["open", "failing", "half_open", "slow", "disabled", "healthy"];

/** The five endpoints that fare worst: by state, then by letters that wait, then by failures of the last 24 hours. */
export function worst(rows: EndpointRow[]): EndpointRow[] {
  const failures = (row: EndpointRow) => row.series_24h.failed.reduce((all, one) => all + one, 0);
  return rows
    .filter((row) => row.health.state !== "healthy" || row.letters_waiting > 0)
    .sort((one, other) =>
      RANK.indexOf(one.health.state) - RANK.indexOf(other.health.state) || other.letters_waiting - one.letters_waiting || failures(other) - failures(one))
    .slice(0, 5);
}

export function endpointHref(row: Pick<EndpointRow, "id" | "application">): string {
  return `/endpoints/${encodeURIComponent(row.id)}?application=${encodeURIComponent(row.application)}`;
}

function ended(attempt: EndpointRow["last_attempt"]): string {
  if (!attempt) return "";
  return attempt.status ? `answered ${attempt.status}` : (attempt.error_class ?? "");
}

export function Worst({ rows, of, all }: { rows: EndpointRow[]; of: number; all: boolean }) {
  if (of === 0) return <p class="card faint">There is no endpoint yet, so that events reach nobody. <a href="/endpoints">Create one</a></p>;
  const among = all ? "" : ` Only the first ${of} endpoints were looked at.`;
  if (rows.length === 0) return <p class="card faint">{of === 1 ? "The endpoint is healthy." : `All ${of} endpoints are healthy.`}{among}</p>;
  return (
    <ul class="lines">
      {rows.map((row) => (
        <li key={row.id}>
          <a href={endpointHref(row)} class="line">
            <span class="line-main">
              <bdi class="mono clamp"><Text text={row.url} /></bdi>
              <span class="faint cut">{[ended(row.last_attempt), row.letters_waiting ? plural(row.letters_waiting, "dead letter") : "", applicationName(row.application)].filter(Boolean).map((part, n) => <>{n > 0 && " · "}<Text text={part} /></>)}</span>
            </span>
            <span class="line-side">
              <EndpointState state={row.health.state} />
              {row.health.since && <For since={row.health.since} />}
            </span>
          </a>
        </li>
      ))}
      {among && <li class="line faint">{among}</li>}
    </ul>
  );
}

export function Refused({ refusals, words }: { refusals: Refusals; words: string }) {
  if (refusals.samples.length === 0) return <p class="card faint">No request was refused in {words}.</p>;
  return (
    <ul class="lines">
      {refusals.samples.slice(0, 5).map((sample, n) => {
        const inside = (
          <>
            <span class="line-main">
              <span class="cut"><Text text={sample.source} /></span>
              <span class="faint clamp"><Text text={sample.sentence.replaceAll("`", "")} /></span>
            </span>
            <span class="line-side"><span class="faint"><When at={sample.at} /></span></span>
          </>
        );
        return (
          <li key={`${sample.at} ${n}`}>
            {sample.reason === "unknown_source" ? <div class="line">{inside}</div> : <a class="line" href={`/sources/${encodeURIComponent(sample.source)}`}>{inside}</a>}
          </li>
        );
      })}
    </ul>
  );
}

type Line = [key: string, line: ComponentChildren];

function Notice({ tone, lines }: { tone: Tone; lines: Line[] }) {
  if (lines.length === 0) return null;
  return (
    <div class={`notice attention ${tone}`} role="status">
      <Icon name="warning" />
      <ul>
        {lines.slice(0, 6).map(([key, line]) => <li key={key}>{line}</li>)}
        {lines.length > 6 && <li><a href="/status">{lines.length - 6} more</a></li>}
      </ul>
    </div>
  );
}

/** Troubles and alarms that are on, and below them what else needs a look, each as a sentence that leads on. */
export function Attention({ status, endpoints, application }: { status: Status | undefined; endpoints: EndpointRow[] | undefined; application?: string }) {
  const bad: Line[] = [];
  const lines: Line[] = [];
  for (const trouble of status?.troubles ?? []) {
    const [words, act] = told(trouble);
    bad.push([trouble.kind, <><strong><Text text={words} /></strong> First seen <When at={trouble.since} />. {act}</>]);
  }
  for (const alarm of status?.alarms ?? []) {
    const on = alarm.state === "alarm";
    (on ? bad : lines).push([alarm.name, <>The alarm <a href="/status"><Text text={alarm.name} /></a> {on ? "went off" : "ended"} <When at={alarm.since} />.{on && alarm.reason && <> <Text text={alarm.reason} /></>}</>]);
  }
  for (const source of status?.silent_sources ?? [])
    if (!application || source.application === application) lines.push([`silent ${source.name}`, <>
      The source <a href={`/sources/${encodeURIComponent(source.name)}`}><Text text={source.name} /></a> is silent: its last request came <When at={source.last_accepted_at} />, and one usually comes every {span(source.usual_gap_s * 1000)}.
    </>]);
  const off = endpoints?.filter((row) => row.disabled && row.letters_waiting > 0) ?? [];
  if (off.length) lines.push(["disabled", <>{plural(off.length, "disabled endpoint")} with waiting dead letters. They go back when the endpoint is enabled. <a href="/letters?state=waiting">Dead letters</a></>]);
  return <><Notice tone="bad" lines={bad} /><Notice tone="warn" lines={lines} /></>;
}
