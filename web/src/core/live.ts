// One live connection for all that the page follows.

import { useEffect, useRef } from "preact/hooks";
import { Failure, send } from "./api";
import { liveHome } from "./mount";
import { session } from "./session";
import { Store } from "./store";

/** How the page hears of changes. */
export type Lamp =
  | { state: "live" }
  | { state: "connecting" }
  /** The relay answers, but not on a live connection: lists are read again every ten seconds. */
  | { state: "asking" }
  /** The relay does not answer. */
  | { state: "offline"; since: number };

export const lamp = new Store<Lamp>({ state: "connecting" });

/** Messages of the relay, as docs/live.md has them. */
export interface LiveMessage {
  event: string;
  topic?: string;
  [name: string]: unknown;
}

/** What a component follows. Its `action` is sent on every connection. */
interface Subscription {
  action: Record<string, unknown> & { action: string };
  message: (message: LiveMessage) => void;
  /** The list is to be read over HTTP: the relay listens from now on, or dropped messages. */
  resync: () => void;
  /** Fields that the action gets at each connection, such as the last line of each stream. */
  fields: () => Record<string, unknown>;
}

const subscriptions = new Set<Subscription>();
let socket: WebSocket | null = null;
let opening = false;
let failures = 0;
let ping = 0;
let renewal = 0;
let timer = 0;
let lastAsked = 0;

const sameTopic = (one: Subscription["action"], other: Subscription["action"]) =>
  JSON.stringify(one) === JSON.stringify(other);

function say(subscription: Subscription): void {
  socket?.send(JSON.stringify({ ...subscription.action, ...subscription.fields() }));
}

// The address that lets in without a session: it bears a live token.
let entrance = "";

/** Has connections made to an address that bears a live token, for pages of people who have no session. */
export function enterBy(address: string): void {
  entrance = address;
  void open();
}

// The connection stands as long as the session, also on screens that follow nothing: the lamp tells of it.
function wanted(): boolean {
  return entrance !== "" || session.value !== null;
}

async function open(): Promise<void> {
  if (opening || socket || !wanted()) return;
  clearTimeout(timer);
  if (lamp.value.state === "live") lamp.set({ state: "connecting" });
  if (entrance) return connect(entrance);
  opening = true;
  try {
    const { url, ticket } = await send<{ url: string | null; ticket: string }>("POST", "/v1/live/tickets");
    const own = `${liveHome}?ticket=${ticket}`;
    if (wanted()) connect(url ?? own);
  } catch (error) {
    failed(error instanceof Failure && error.kind === "offline");
  } finally {
    opening = false;
  }
}

function connect(url: string): void {
  let opened = false;
  const mine = new WebSocket(url);
  socket = mine;
  mine.onopen = () => {
    opened = true;
    failures = 0;
    lamp.set({ state: "live" });
    // A component that follows what another follows already is not announced twice.
    const said: Subscription["action"][] = [];
    for (const one of subscriptions) {
      if (said.some((action) => sameTopic(action, one.action))) continue;
      said.push(one.action);
      say(one);
    }
    clearInterval(ping);
    ping = window.setInterval(() => socket?.send('{"action":"ping"}'), 5 * 60_000);
  };
  mine.onmessage = ({ data }) => {
    let message: LiveMessage;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    hear(message);
  };
  mine.onclose = () => {
    if (socket !== mine) return;
    socket = null;
    clearInterval(ping);
    clearTimeout(renewal);
    if (opened) {
      lamp.set({ state: "connecting" });
      later(500 + Math.random() * 1000);
    } else failed(false);
  };
}

function failed(offline: boolean): void {
  failures += 1;
  if (offline) {
    if (lamp.value.state !== "offline") lamp.set({ state: "offline", since: Date.now() });
  } else if (failures > 1) lamp.set({ state: "asking" });
  later(Math.min(1000 * 2 ** failures, 30_000) * (0.7 + Math.random() * 0.6));
}

function later(milliseconds: number): void {
  clearTimeout(timer);
  if (wanted()) timer = window.setTimeout(open, milliseconds);
}

// A connection lasts two hours. It is made anew shortly before, when nothing is under way on either side.
function renew(expires: number): void {
  clearTimeout(renewal);
  const mine = socket;
  renewal = window.setTimeout(() => mine?.close(), Math.min(Math.max(expires - Date.now() - 60_000, 1000), 2 ** 31 - 1));
}

function hear(message: LiveMessage): void {
  if (message.event === "hello") return renew(Date.parse(String(message["expires_at"])));
  const whole = message.event === "gap" || message.event === "error";
  for (const one of [...subscriptions]) {
    if (message.event === "gap") {
      if (gapOf(one.action, message.topic ?? "")) one.resync();
      continue;
    }
    if (message.event.startsWith("subscribed") || message.event === "joined_batch") {
      if (message.action === one.action.action || message.event !== "subscribed") {
        one.resync();
        // Until 2 s later some of the relay's instances do not know that somebody looks, and push nothing.
        setTimeout(() => subscriptions.has(one) && one.resync(), 2500);
      }
    }
    if (!whole || message.action === one.action.action) one.message(message);
  }
}

// Whether a gap of `topic` concerns what the action follows. A topic is `kind:application:id`.
function gapOf(action: Subscription["action"], topic: string): boolean {
  const kind = topic.split(":")[0];
  const follows: Record<string, string> = {
    subscribe_events: "events",
    subscribe_letters: "letters",
    subscribe_tasks: "tasks",
    subscribe_logs: "job",
    subscribe_project: "project",
    join_batch: "batch",
  };
  return (follows[action.action] ?? kind) === kind;
}

function follow(one: Subscription): () => void {
  const known = [...subscriptions].some((other) => sameTopic(other.action, one.action));
  subscriptions.add(one);
  if (socket?.readyState === WebSocket.OPEN) {
    // The relay answers `already_active` to a second subscription, which makes this component list.
    if (!known || one.action.action !== "subscribe_logs") say(one);
  } else void open();
  return () => {
    subscriptions.delete(one);
    if (one.action.action === "subscribe_logs" && socket?.readyState === WebSocket.OPEN) {
      if (![...subscriptions].some((other) => sameTopic(other.action, one.action)))
        socket.send(JSON.stringify({ action: "unsubscribe_logs", job_id: one.action.job_id }));
    }
  };
}

/**
 * Follows a topic while the component is there. `action` is what is sent, such as
 * `{action: "subscribe_events", application}`; null follows nothing. `resync` is called when the connection
 * stands, after a gap, and every ten seconds while there is no live connection: it reads the list again.
 */
export function useLive(
  action: Subscription["action"] | null,
  message: (message: LiveMessage) => void,
  resync: () => void,
  fields?: () => Record<string, unknown>,
): void {
  useLiveAll(action ? [action] : [], message, resync, fields);
}

/** Follows several topics, as the events of several applications: a topic belongs to one. */
export function useLiveAll(
  actions: Subscription["action"][],
  message: (message: LiveMessage) => void,
  resync: () => void,
  fields?: () => Record<string, unknown>,
): void {
  const current = useRef({ message, resync, fields });
  current.current = { message, resync, fields };
  const key = JSON.stringify(actions);
  useEffect(() => {
    const ends = (JSON.parse(key) as Subscription["action"][]).slice(0, 90).map((action) =>
      follow({
        action,
        message: (heard) => current.current.message(heard),
        resync: () => current.current.resync(),
        fields: () => current.current.fields?.() ?? {},
      }),
    );
    return () => {
      for (const end of ends) end();
    };
  }, [key]);
}

// Without a live connection, lists are read again. One timer for all.
setInterval(() => {
  const state = lamp.value.state;
  if (document.hidden || state === "live" || state === "connecting" || !wanted()) return;
  if (Date.now() - lastAsked < 9_500) return;
  lastAsked = Date.now();
  const asked: Subscription["action"][] = [];
  for (const one of [...subscriptions]) {
    if (asked.some((action) => sameTopic(action, one.action))) continue;
    asked.push(one.action);
    one.resync();
  }
}, 1000);

// The connection ends with the session, and is made again at once when the machine is online again.
session.subscribe(() => {
  if (session.value) return void open();
  clearTimeout(timer);
  const ended = socket;
  socket = null;
  ended?.close();
});
window.addEventListener("online", () => {
  failures = 0;
  void open();
});

/** Says whether a request reached the relay, so that the lamp is right before the socket notices. */
export function reached(did: boolean): void {
  if (did && lamp.value.state === "offline") {
    lamp.set({ state: "asking" });
    void open();
  }
  if (!did && lamp.value.state !== "offline") lamp.set({ state: "offline", since: Date.now() });
}
