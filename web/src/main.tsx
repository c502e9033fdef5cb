// The page: finds the session, then shows the screen that the address names.

import { type ComponentType, render } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { followLinks, match, place } from "./core/router";
import { findSession, session } from "./core/session";
import { useStore } from "./core/store";
import { SignIn } from "./screens/sign-in";
import { Empty, Failed, Loading } from "./ui/states";
import { Shell } from "./ui/shell";
import { asFailure } from "./core/list";

/** A screen, with what its path says. */
export type Screen = ComponentType<{ parts: Record<string, string> }>;

const work = (name: keyof typeof import("./screens/work")) => () => import("./screens/work").then((all) => ({ default: all[name] as Screen }));

// Each screen is a chunk of its own, or part of one, fetched when it is first shown.
const SCREENS: [pattern: string, load: () => Promise<{ default: Screen }>][] = [
  ["/", () => import("./screens/overview")],
  ["/events", () => import("./screens/events")],
  ["/events/:id", () => import("./screens/event")],
  ["/endpoints", () => import("./screens/endpoints")],
  ["/endpoints/:id", () => import("./screens/endpoint")],
  ["/sources", () => import("./screens/sources")],
  ["/sources/:name", () => import("./screens/source")],
  ["/jobs", work("Jobs")],
  ["/jobs/:id", work("Job")],
  ["/batches", work("Batches")],
  ["/batches/:id", work("Batch")],
  ["/letters", work("Letters")],
  ["/letters/:id", work("Letter")],
  ["/tasks", () => import("./screens/tasks")],
  ["/tasks/:id", () => import("./screens/task")],
  ["/event-types", () => import("./screens/event-types")],
  ["/event-types/:name", () => import("./screens/event-type")],
  ["/keys", () => import("./screens/keys")],
  ["/status", () => import("./screens/status")],
];

const loaded = new Map<string, Screen>();

function Routed() {
  const { path } = useStore(place);
  const [, draw] = useState(0);
  const [failure, setFailure] = useState<unknown>(null);
  const clean = path === "" ? "/" : path;
  let pattern = "";
  let parts: Record<string, string> = {};
  let load: (() => Promise<{ default: Screen }>) | undefined;
  for (const [one, loader] of SCREENS) {
    const found = one === "/" ? (clean === "/" || clean === "/login" ? {} : null) : match(one, clean);
    if (!found) continue;
    [pattern, parts, load] = [one, found, loader];
    break;
  }
  const screen = loaded.get(pattern);
  const fetch = () => {
    setFailure(null);
    load?.().then(
      (module) => {
        loaded.set(pattern, module.default);
        draw((count) => count + 1);
      },
      // The relay was updated and its files have other names, or it does not answer.
      (error) => setFailure(error),
    );
  };
  useEffect(() => {
    if (!screen) fetch();
  }, [pattern]);
  // The next screen begins at its title, for those who hear the page.
  useLayoutEffect(() => {
    const focused = document.activeElement;
    if (!focused || focused === document.body || !document.contains(focused)) document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
  }, [path, screen]);
  if (!load) return <Empty title="There is no such screen"><a href="/">Overview</a></Empty>;
  if (failure) return <Failed failure={asFailure(failure)} retry={() => location.reload()} what="This screen" />;
  if (!screen) return <Loading />;
  const Shown = screen;
  return <Shown parts={parts} key={pattern + JSON.stringify(parts)} />;
}

function Page() {
  const known = useStore(session);
  const [found, setFound] = useState(false);
  useEffect(() => {
    void findSession().finally(() => setFound(true));
  }, []);
  if (known) return <Shell><Routed /></Shell>;
  return found ? <SignIn /> : null;
}

followLinks();
// The screen's chunk is fetched while the session is looked for.
for (const [pattern, load] of SCREENS) if (match(pattern, location.pathname) ?? (pattern === "/" && location.pathname === "/")) {
  void load().then((module) => loaded.set(pattern, module.default), () => undefined);
  break;
}
const root = document.getElementById("root");
if (root) render(<Page />, root);
