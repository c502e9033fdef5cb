// States of lists and things: loading, stale, partly searched, forbidden, gone, failed, empty.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Failure } from "../core/api";
import { count } from "../core/format";
import type { List, Thing } from "../core/list";
import { portal } from "../core/router";
import { session } from "../core/session";
import { clock } from "../core/time";
import { Button } from "./basics";
import { Icon } from "./icons";

/** Grey bars where rows will be, after 150 ms: a quick answer shows no flicker. */
export function Loading({ rows = 8 }: { rows?: number }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="loading" role="status" aria-label="Loading">
      {late && Array.from({ length: rows }, (_, n) => <span key={n} class="skeleton" style={{ width: `${88 - ((n * 37) % 45)}%` }} />)}
    </div>
  );
}

/** Says why there is nothing to see, and what can be done about it. */
export function Failed({ failure, retry, what = "This" }: { failure: Failure; retry?: () => void; what?: string }) {
  const [title, words] = said(failure, what);
  return (
    <div class="notice bad" role="alert">
      <Icon name="warning" />
      <div>
        <strong>{title}</strong>
        <p>{words}</p>
        {failure.requestId && <p class="faint">Request {failure.requestId}</p>}
        {retry && failure.kind !== "forbidden" && failure.kind !== "missing" && failure.kind !== "gone" && <Button icon="retry" onClick={retry}>Try again</Button>}
      </div>
    </div>
  );
}

function said(failure: Failure, what: string): [string, string] {
  const scope = session.value?.scope ?? "none";
  switch (failure.kind) {
    case "offline":
      return ["The relay cannot be reached", "It is asked again by itself as soon as it answers."];
    case "forbidden":
      return [`${what} needs a larger scope`, `${failure.message} ${portal ? "" : `This session has the scope "${scope}".`}`];
    case "missing":
      return [`${what} is not here`, "It was removed, its retention has ended, or it belongs to an application that this session does not reach."];
    case "gone":
      return [`${what} was removed`, failure.message];
    case "busy":
      return ["The relay asks to wait", failure.message];
    case "signed-out":
      return ["The session has ended", "Sign in again."];
    case "invalid":
      return ["The request was refused", failure.message];
    default:
      return ["The relay failed", failure.message];
  }
}

/** The error of an action, beside its form. */
export function ActionError({ failure }: { failure: Failure | null }) {
  return failure && <Failed failure={failure} />;
}

/** What a list or a thing says of its reading. */
type Read = Pick<Thing<unknown>, "failure" | "asOf" | "refresh">;

/** Says as of when the rows are, while the relay does not answer. */
export function Stale({ of: { failure, asOf, refresh } }: { of: Read }) {
  if (!failure || !asOf) return null;
  return (
    <div class="notice warn" role="status">
      <Icon name="clock" />
      <div>
        Shown as of {clock(asOf)}. {failure.kind === "offline" ? "The relay cannot be reached." : failure.message}{" "}
        <button type="button" class="link" onClick={() => refresh()}>Try again</button>
      </div>
    </div>
  );
}

/** What stands in place of `of` until it was read for the first time: grey bars, or the reason why it could not be read. */
export function NotYet({ of, what, rows = 8 }: { of: Pick<Read, "failure" | "refresh">; what: string; rows?: number }) {
  return of.failure ? <Failed failure={of.failure} retry={() => of.refresh()} what={what} /> : <Loading rows={rows} />;
}

/** What `of` reads, once it is there: as it is, stale, or the reason why it is not. */
export function Ready({ of, loaded, what, rows = 8, children }: { of: Read; loaded: boolean; what: string; rows?: number; children?: ComponentChildren }) {
  return loaded ? <><Stale of={of} />{children}</> : <NotYet of={of} what={what} rows={rows} />;
}

/** Nothing is there: what that means, and how the first one comes. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** The end of a list: how far it was searched, and the button that searches on. */
export function Further<T>({ of: { more, reading, scanned, rows, next }, found = rows.length, noun }: { of: List<T>; found?: number; noun: string }) {
  if (!more) return null;
  return (
    <div class="further">
      {scanned > found && <span class="faint">{count(scanned)} {noun} searched, {count(found)} found. </span>}
      <Button onClick={next} busy={reading}>{scanned > found ? "Search further" : "Show more"}</Button>
    </div>
  );
}
