// What surrounds every screen: navigation, search, the application switcher, the lamp of the connection.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ignored } from "../core/api";
import { visible } from "../core/format";
import { active, useKeys } from "../core/keys";
import { lamp } from "../core/live";
import { changeQuery, go, place, useNarrow } from "../core/router";
import { applicationName, applications, useApplication } from "../core/scope";
import { endSession, session } from "../core/session";
import { kept, useStore } from "../core/store";
import { clock, now, span, zone } from "../core/time";
import { Dialog } from "./dialog";
import { Icon, type IconName } from "./icons";
import { More } from "./more";
import { Search } from "./search";

interface Item {
  href: string;
  title: string;
  icon: IconName;
  key?: string;
}

const WORK: Item[] = [
  { href: "/", title: "Overview", icon: "overview", key: "o" },
  { href: "/events", title: "Events", icon: "events", key: "e" },
  { href: "/letters", title: "Dead letters", icon: "letters", key: "l" },
  { href: "/jobs", title: "Jobs", icon: "jobs", key: "j" },
  { href: "/batches", title: "Batches", icon: "batches", key: "b" },
];
const SETUP: Item[] = [
  { href: "/sources", title: "Sources", icon: "sources", key: "s" },
  { href: "/endpoints", title: "Endpoints", icon: "endpoints", key: "d" },
  { href: "/event-types", title: "Event types", icon: "types" },
];
const RELAY: Item[] = [
  { href: "/tasks", title: "Tasks", icon: "tasks", key: "t" },
  { href: "/keys", title: "Keys", icon: "keys" },
  { href: "/status", title: "Health", icon: "status", key: "h" },
];

/** "light", "dark" or "system". */
export const theme = kept("relay.theme", "system");

function paint(): void {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
}
theme.subscribe(paint);
paint();

export function Shell({ children }: { children: ComponentChildren }) {
  const { path } = useStore(place);
  const narrow = useNarrow(900);
  const [open, setOpen] = useState(false);
  const [help, setHelp] = useState(false);
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => setOpen(false), [path]);
  useKeys([
    ...[...WORK, ...SETUP, ...RELAY].flatMap((item) => (item.key ? [{ keys: `g ${item.key}`, label: `Go to ${item.title}`, act: () => go(item.href) }] : [])),
    { keys: "/", label: "Search", act: () => search.current?.focus() },
    { keys: "?", label: "Show the keys", act: () => setHelp(true) },
  ]);
  return (
    <>
      <a class="skip" href="#main">Skip to the content</a>
      <div class="shell">
        <header class="bar">
          {narrow && (
            <button type="button" class="ghost" aria-label={open ? "Close the navigation" : "Open the navigation"} aria-expanded={open} onClick={() => setOpen(!open)}>
              <Icon name={open ? "cross" : "menu"} />
            </button>
          )}
          <a class="brand" href="/">relay</a>
          <Switcher />
          <Search field={search} />
          <ConnectionLamp />
          <Menu help={() => setHelp(true)} />
        </header>
        {(!narrow || open) && (
          <nav class="nav" aria-label="Screens">
            {[WORK, SETUP, RELAY].map((group, n) => (
              <ul key={n}>
                {group.map((item) => {
                  const here = item.href === "/" ? path === "/" : path === item.href || path.startsWith(`${item.href}/`);
                  return (
                    <li key={item.href}>
                      <a href={item.href} aria-current={here ? "page" : undefined}><Icon name={item.icon} />{item.title}</a>
                    </li>
                  );
                })}
              </ul>
            ))}
          </nav>
        )}
        <main id="main" tabIndex={-1}>
          <IgnoredNames />
          {children}
        </main>
      </div>
      {help && <Keys close={() => setHelp(false)} />}
    </>
  );
}

function Switcher() {
  const all = useStore(applications);
  const known = useStore(session);
  const chosen = useApplication();
  if (known?.application) return <span class="switcher fixed"><bdi>{applicationName(known.application)}</bdi></span>;
  return (
    <label class="switcher">
      <span class="hidden">Application</span>
      <select value={chosen ?? ""} onChange={(event) => changeQuery({ application: event.currentTarget.value || null })}>
        <option value="">All applications</option>
        {(all ?? []).map((one) => <option key={one.id} value={one.id}>{visible(one.name)}</option>)}
        {chosen && all && !all.some((one) => one.id === chosen) && <option value={chosen}>{visible(chosen)}</option>}
      </select>
    </label>
  );
}

/** Whether changes are pushed, asked for, or unknown. */
export function ConnectionLamp() {
  const state = useStore(lamp);
  const present = useStore(now);
  const words =
    state.state === "live" ? "Live"
    : state.state === "connecting" ? "Connecting"
    : state.state === "asking" ? "Every 10 s"
    : "Offline";
  const title =
    state.state === "live" ? "Changes are pushed as they happen."
    : state.state === "asking" ? "The live connection fails; lists are read every ten seconds."
    : state.state === "offline" ? `The relay has not answered since ${clock(state.since)}, for ${span(present - state.since)}.`
    : "The live connection is being made.";
  return (
    <span class={`lamp ${state.state}`} role="status" title={title}>
      <span class="lamp-dot" aria-hidden="true" />
      <span class="lamp-words">{words}{state.state === "offline" && <> since <time>{clock(state.since)}</time></>}</span>
    </span>
  );
}

function Menu({ help }: { help: () => void }) {
  const written = useStore(zone);
  const painted = useStore(theme);
  const known = useStore(session);
  return (
    <More label="Settings and session">
      <p class="menu-note">Scope {known?.scope}{known && <>, until <time>{clock(known.expires_at)}</time></>}</p>
      <button type="button" class="menu-item" onClick={() => zone.set(written === "utc" ? "local" : "utc")}>
        <Icon name="clock" size={14} />{written === "utc" ? "Show local time" : "Show UTC"}
      </button>
      {["system", "light", "dark"].filter((one) => one !== painted).map((one) => (
        <button key={one} type="button" class="menu-item" onClick={() => theme.set(one)}>
          <Icon name="sun" size={14} />{one === "system" ? "Theme of the system" : `${one === "dark" ? "Dark" : "Light"} theme`}
        </button>
      ))}
      <button type="button" class="menu-item" onClick={help}><Icon name="keys" size={14} />Keys</button>
      <button type="button" class="menu-item" onClick={() => void endSession().catch(() => undefined)}><Icon name="out" size={14} />Sign out</button>
    </More>
  );
}

function Keys({ close }: { close: () => void }) {
  const keys = useStore(active).filter((key) => key.label);
  const seen = new Set<string>();
  return (
    <Dialog title="Keys" close={close}>
      <dl class="keys">
        {keys.filter((key) => !seen.has(key.keys) && seen.add(key.keys)).map((key) => (
          <div key={key.keys}>
            <dt>{key.keys.split(" ").map((one) => <kbd key={one}>{one}</kbd>)}</dt>
            <dd>{key.label}</dd>
          </div>
        ))}
        <div><dt><kbd>esc</kbd></dt><dd>Close</dd></div>
      </dl>
    </Dialog>
  );
}

/** Names that the API ignored are shown: a setting that does nothing misleads. */
function IgnoredNames() {
  const [names, setNames] = useState("");
  useEffect(() => {
    const heard = (event: Event) => setNames((event as CustomEvent<string>).detail);
    ignored.addEventListener("ignored", heard);
    return () => ignored.removeEventListener("ignored", heard);
  }, []);
  if (!names) return null;
  return (
    <div class="notice warn" role="status">
      <Icon name="warning" />
      <div>The relay does not know and ignored: <code>{names}</code> <button type="button" class="link" onClick={() => setNames("")}>Close</button></div>
    </div>
  );
}
