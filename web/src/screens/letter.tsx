// One dead letter, with its whole story.

import { useMemo, useState } from "preact/hooks";
import { getText, path } from "../core/api";
import { plural, visible } from "../core/format";
import { useKeys } from "../core/keys";
import { useThing } from "../core/list";
import { useLive } from "../core/live";
import { useAtMost } from "../core/often";
import { go, portal, useTitle } from "../core/router";
import { applicationName } from "../core/scope";
import { may } from "../core/session";
import { took } from "../core/time";
import type { Attempt, LetterDetail } from "../core/types";
import { Badge, Button, Fact, Facts, Head, Id, Section, Tag, Text, When } from "../ui/basics";
import { adviceOf, sentenceOf } from "../ui/failures";
import { DeleteLetter, RetryLetter } from "../ui/letter/acts";
import { Expires, LetterState, className } from "../ui/letter/parts";
import { sourceOf } from "../ui/payload/json";
import { Payload } from "../ui/payload/payload";
import { notAdmin } from "../ui/forbidden";
import { NotYet, Stale } from "../ui/states";

interface Read {
  letter: LetterDetail;
  /** The payload's own text: numbers in it are as they were written. */
  payload: string | null;
}

export default function LetterScreen({ parts }: { parts: Record<string, string> }) {
  const name = parts["id"] ?? "";
  useTitle(`Dead letter ${name.slice(0, 40)}`);
  const thing = useThing(name, async (signal): Promise<Read> => {
    const text = await getText(path`/v1/webhooks/dead-letter/${name}`, undefined, signal);
    const letter = JSON.parse(text) as LetterDetail;
    const member = sourceOf(text, "payload");
    const payload = member ? text.slice(member.start, member.end) : "null";
    return { letter, payload: payload === "null" ? null : payload };
  });
  const [act, setAct] = useState<"" | "retry" | "delete">("");
  const soon = useAtMost(thing.refresh);
  const letter = thing.value?.letter;
  useLive(letter?.application ? { action: "subscribe_letters", application: letter.application } : null, (message) => {
    if (message.event === "letters" && (message["letters"] as { id: number }[]).some((one) => one.id === letter?.id)) soon();
  }, soon);
  const admin = may("admin", "CreateAttempts");
  useKeys(admin && letter ? [{ keys: "r", label: "Retry the letter", act: () => setAct("retry") }] : []);
  const headers = useMemo(() => Object.entries((letter?.headers_sent ?? {}) as Record<string, string>), [letter]);
  const above = { href: "/letters", title: "Dead letters" };
  if (!letter) {
    return (
      <>
        <Head title="Dead letter" above={above} />
        <NotYet of={thing} what="This letter" />
      </>
    );
  }
  const denied = notAdmin("CreateAttempts");
  const waits = letter.state === "waiting";
  const died = { error_class: letter.error_class, status: letter.attempt_history[letter.attempt_history.length - 1]?.status ?? null };
  const sentence = sentenceOf(died);
  // The message is often the sentence that stands above it.
  const says = sentence?.toLowerCase() === `${letter.error_message}.`.toLowerCase();
  return (
    <>
      <Head title={`Dead letter ${letter.id}`} above={above} side={
        <>
          {!portal && <Button kind="danger" disabled={!admin || !waits} title={denied ?? (waits ? undefined : "Only a letter that waits can be deleted.")} onClick={() => setAct("delete")}>Delete</Button>}
          {!(portal && denied) && <Button kind="primary" icon="retry" disabled={!admin} title={denied} onClick={() => setAct("retry")}>Retry</Button>}
        </>
      }>
        <span class="inline"><LetterState letter={letter} /><Tag>{className(letter.error_class)}</Tag><span>after {plural(letter.attempts, "attempt")}, parked <When at={letter.created_at} /></span></span>
      </Head>
      <Stale of={thing} />
      <div class="notice bad">
        <div>
          <strong>{sentence}</strong>
          <p>{adviceOf(died)}</p>
          {!says && <p class="faint"><Text text={letter.error_message} most={2000} /></p>}
        </div>
      </div>
      <div class="card">
        <Facts>
          <Fact name="Endpoint">{letter.webhook_url ? (letter.endpoint_id && letter.application ? <a href={`/endpoints/${encodeURIComponent(letter.endpoint_id)}?application=${encodeURIComponent(letter.application)}`}><Text text={letter.webhook_url} /></a> : <Text text={letter.webhook_url} />) : `Queue ${letter.queue ?? "–"}`}</Fact>
          <Fact name="Event">{letter.event_id && <a href={`/events/${encodeURIComponent(letter.event_id)}`}><Text text={letter.event_type ?? letter.event_id} /></a>}</Fact>
          <Fact name="Application"><Text text={applicationName(letter.application)} /></Fact>
          <Fact name="Expires"><Expires at={letter.expires_at} /></Fact>
          <Fact name="Last attempt"><When at={letter.last_attempt_at} /></Fact>
          <Fact name="Put back">{letter.retried_at && <><When at={letter.retried_at} />{letter.retry_success === true ? ", arrived" : letter.retry_success === false ? ", failed again" : ""}</>}</Fact>
          <Fact name="Job">{letter.job_id && (portal ? <Id id={letter.job_id} /> : <a href={`/jobs/${encodeURIComponent(letter.job_id)}`}><Id id={letter.job_id} /></a>)}</Fact>
          <Fact name="Batch">{letter.batch_id && (portal ? <Text text={letter.batch_id} /> : <a href={`/batches/${encodeURIComponent(letter.batch_id)}`}><Text text={letter.batch_id} /></a>)}</Fact>
          <Fact name="Id"><Id id={letter.letter_id} copy /></Fact>
        </Facts>
      </div>
      <Section title="Attempts">
        {letter.attempt_history.length ? <ol class="attempts">{[...letter.attempt_history].reverse().map((attempt, n) => <One key={attempt.id} attempt={attempt} open={n === 0} />)}</ol> : <p class="faint">No attempt is on record.</p>}
      </Section>
      {(thing.value?.payload ?? letter.body) !== null && (
        <Section title="Payload"><Payload content={thing.value?.payload ?? letter.body ?? ""} name={`letter-${letter.id}.json`} param="payload" /></Section>
      )}
      {thing.value?.payload === null && !letter.body && <Section title="Payload"><p class="faint">There is none, or it is too large to show here. The event has it.</p></Section>}
      {headers.length > 0 && (
        <Section title="Headers sent">
          <dl class="card header-list">{headers.map(([name, value]) => <div key={name}><dt><Text text={name} /></dt><dd><Text text={value} most={2000} /></dd></div>)}</dl>
        </Section>
      )}
      {act === "retry" && <RetryLetter letter={letter} close={() => setAct("")} done={thing.refresh} />}
      {act === "delete" && <DeleteLetter letter={letter} close={() => setAct("")} done={() => go("/letters", true)} />}
    </>
  );
}

function One({ attempt, open }: { attempt: Attempt; open: boolean }) {
  const failed = Boolean(attempt.error_class);
  return (
    <li class="card">
      <details open={open}>
        <summary>
          <Badge tone={failed ? "bad" : "good"}>{attempt.status ?? className(attempt.error_class ?? "no answer")}</Badge>
          <span><When at={attempt.at} plain /></span>
          <span class="faint num">{took(attempt.duration_ms)}</span>
          {attempt.manual && <Tag>by hand</Tag>}
        </summary>
        <div class="attempt">
          <p><code><Text text={attempt.url} most={600} /></code></p>
          {attempt.error_message && <p class="bad"><Text text={attempt.error_message} most={2000} /></p>}
          {attempt.response ? <pre tabIndex={0} aria-label="Beginning of the answer">{visible(attempt.response)}</pre> : <p class="faint">{attempt.status ? "The answer had no body." : "There was no answer."}</p>}
        </div>
      </details>
    </li>
  );
}
