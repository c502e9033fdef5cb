// A job's console alone: in a window of its own, or in a frame of somebody else's page.
//
//   /jobs/{id}/console#token=rlv1_…   with a live token of the job: its lines and its end, and nothing else
//   /jobs/{id}/console#code=rc_…      with a code, or the session that this browser has
//
// The query may have `theme=light|dark`, `compact=1`, `header=0`, `source` (where jobs of several sources bear the id),
// `live=wss://…` (the relay's live URL, if that is on another host) and `frame=<origin>`, which is told the height.

import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, path } from "../core/api";
import { line } from "../core/format";
import { asFailure } from "../core/list";
import { liveHome, mount } from "../core/mount";
import { type LiveMessage, enterBy, lamp, useLive } from "../core/live";
import { followLinks, match } from "../core/router";
import { findSession, session } from "../core/session";
import { useStore } from "../core/store";
import type { JobDetail } from "../core/types";
import { Progress, Text } from "../ui/basics";
import { JobState, ended, waitingWords } from "../ui/job-state";
import { Failed } from "../ui/states";
import { useLog } from "../ui/terminal/feed";
import { Terminal } from "../ui/terminal/terminal";

const query = new URLSearchParams(location.search);
const job = match("/jobs/:id/console", location.pathname.slice(mount.length))?.["id"];
const name = job ?? "";
const PLACE = `relay.console ${location.pathname}`;

/** The token of the address. It is kept in the tab: the terminal changes the address, which loses the fragment. */
function token(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  try {
    if (given) sessionStorage.setItem(PLACE, given);
    return given ?? sessionStorage.getItem(PLACE) ?? "";
  } catch {
    return given ?? "";
  }
}

/** The address of live connections. The page's policy lets it reach no other host than the relay's own. */
function liveAddress(bearer: string): string {
  const own = liveHome;
  const given = query.get("live") ?? "";
  return `${/^wss?:\/\//.test(given) ? given : own}?token=${encodeURIComponent(bearer)}`;
}

/** Tells the page around this one how high the console would be, whenever that changes. Only the named origin hears it. */
function useHeight(element: { current: HTMLElement | null }, rows: number): void {
  const told = useRef(0);
  useEffect(() => {
    const frame = query.get("frame");
    if (!frame || window.parent === window || !element.current) return;
    const box = element.current.querySelector<HTMLElement>(".t-box, .term.compact");
    const around = element.current.scrollHeight - (box?.offsetHeight ?? 0);
    const height = Math.ceil(around + Math.min(600, Math.max(120, (box?.scrollHeight ?? 0))));
    if (height === told.current) return;
    told.current = height;
    try {
      window.parent.postMessage({ type: "relay:height", height }, new URL(frame).origin);
    } catch {
      console.warn("The parameter frame is no origin: the height is not told.");
    }
  }, [rows]);
}

type Known = Pick<JobDetail, "id" | "status" | "external_id">;

function Console({ first, bearer }: { first: Known | null; bearer: string }) {
  const [job, setJob] = useState<Known>(first ?? { id: name, status: "", external_id: name });
  const [progress, setProgress] = useState<number | null>(null);
  const [wrong, setWrong] = useState("");
  const [failures, setFailures] = useState(0);
  const state = useStore(lamp);
  const log = useLog(job.id);
  const main = useRef<HTMLElement>(null);
  const hear = (message: LiveMessage) => {
    const mine = message["id"] === job.id || bearer !== "";
    if (message.event === "log_lines" && message["job_id"] === job.id) log.hear(message);
    if (message.event === "job_progress" && mine) {
      setProgress(message["progress"] as number | null);
      setJob((was) => (ended(was.status) && was.status ? was : { ...was, status: String(message["status"]) }));
    }
    if (message.event === "job_completed" && mine) setJob((was) => ({ ...was, status: "succeeded" }));
    if (message.event === "job_failed" && mine) setJob((was) => ({ ...was, status: String(message["status"]) }));
    if (message.event === "error") setWrong(String(message["message"]));
    if (message.event === "subscribed") setWrong("");
  };
  const source = query.get("source");
  useLive({ action: "subscribe_logs", job_id: job.id, ...(source && !first ? { source } : {}) }, hear, () => {
    if (!bearer) log.resync();
  }, () => ({ after: log.log.after() }));
  useEffect(() => {
    if (state.state === "asking") setFailures((was) => was + 1);
    if (state.state === "live") setFailures(0);
  }, [state]);
  useHeight(main, log.log.rows.length);
  const header = query.get("header") !== "0";
  return (
    <main ref={main} class="console">
      <h1 class={header ? "" : "hidden"}><Text text={job.external_id} most={120} /> {job.status && <JobState status={job.status} />}</h1>
      {progress !== null && !ended(job.status) && <Progress done={progress} whole={100} label="Progress of the job" />}
      {wrong && <div class="notice bad" role="alert">{line(wrong, 300)}</div>}
      {failures > 0 && bearer && <div class="notice warn" role="status">The relay does not let this page in, or cannot be reached. The link may have expired: ask for another.</div>}
      <Terminal log={log.log} version={log.version} waiting={job.status ? waitingWords(job.status) : "Waiting for the first line…"} file={job.external_id} {...(bearer ? {} : { whole: log.whole })} compact={query.get("compact") === "1"} noHeader={!header} />
    </main>
  );
}

function Page() {
  const [bearer] = useState(token);
  const [first, setFirst] = useState<Known | null>(null);
  const [failure, setFailure] = useState<ReturnType<typeof asFailure> | null>(null);
  const [looked, setLooked] = useState(false);
  const known = useStore(session);
  const read = () => {
    setFailure(null);
    get<JobDetail>(path`/v1/jobs/${name}`, { source: query.get("source") }).then(setFirst, (error) => setFailure(asFailure(error)));
  };
  useEffect(() => {
    if (bearer) enterBy(liveAddress(bearer));
    else void findSession().finally(() => setLooked(true));
  }, []);
  useEffect(() => {
    if (known && !bearer) read();
  }, [known]);
  if (bearer || first) return <Console first={first} bearer={bearer} />;
  if (failure) return <main class="console"><h1 class="hidden">Console</h1><Failed failure={failure} retry={read} what="This job" /></main>;
  if (looked && !known) {
    return (
      <main class="console">
        <h1>This link lets nobody in</h1>
        <p>It has no token, or its code was used. Ask for another, or sign in.</p>
        <p><a class="button" href={`/jobs/${encodeURIComponent(name)}`} target="_top">Sign in</a></p>
      </main>
    );
  }
  return null;
}

/** Whether the address is that of a console. */
export const isConsole = job !== undefined;

/** Begins the console below `root`. */
export function beginConsole(root: Element): void {
  const theme = query.get("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
  document.title = `${line(name, 80)} – console`;
  followLinks();
  render(<Page />, root);
}
