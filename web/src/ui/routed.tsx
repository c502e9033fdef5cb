// Shows the screen that the address names. Screens that are not part of the first load are fetched when one of them is first shown.

import type { ComponentType } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { asFailure } from "../core/list";
import { match, place } from "../core/router";
import { useStore } from "../core/store";
import { Empty, Failed, Loading } from "./states";

/** A screen, with what its path says. */
export type Screen = ComponentType<{ parts: Record<string, string> }>;

export type Screens = [pattern: string, load: () => Promise<{ default: Screen }>][];

/** Fetches a screen of the chunk that is not part of the first load. */
export const later = (screen: keyof typeof import("../screens/later")) => () => import("../screens/later").then((all) => ({ default: all[screen] as Screen }));

const loaded = new Map<string, Screen>();

/** The screen of `screens` that the address names. */
export function Routed({ screens }: { screens: Screens }) {
  const { path } = useStore(place);
  const [, draw] = useState(0);
  const [failure, setFailure] = useState<unknown>(null);
  const clean = path === "" ? "/" : path;
  let pattern = "";
  let parts: Record<string, string> = {};
  let load: (() => Promise<{ default: Screen }>) | undefined;
  for (const [one, loader] of screens) {
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

/** Begins to fetch the screen of the address, while the session is looked for. */
export function preload(screens: Screens): void {
  const { path } = place.value;
  for (const [pattern, load] of screens) {
    if (pattern === "/" ? !["", "/"].includes(path) : !match(pattern, path)) continue;
    void load().then((module) => loaded.set(pattern, module.default), () => undefined);
    return;
  }
}
