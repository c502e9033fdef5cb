// Where the page is: path and query are its state, so that a link shows the next person the same.

import { useEffect, useState } from "preact/hooks";
import { Store, useStore } from "./store";

export interface Place {
  path: string;
  query: URLSearchParams;
}

/** The path below which all screens are: "" for the page, "/portal" for the portal. */
const base = /^\/portal(\/|$)/.test(location.pathname) ? "/portal" : "";

/** Whether this is a portal: the page of one application's subscriber. */
export const portal = base !== "";

function read(): Place {
  return { path: location.pathname.slice(base.length) || "/", query: new URLSearchParams(location.search) };
}

/** The address of a screen: what an `href` has. Paths of the API and of files are left as they are. */
export function addressOf(screen: string): string {
  return base && screen.startsWith("/") && !/^\/(portal|v1|api|assets|in)(\/|$)/.test(screen) ? base + screen : screen;
}

/** The place that the address bar shows. */
export const place = new Store<Place>(read());

window.addEventListener("popstate", () => place.set(read()));

/** Goes to a path with its query. `replace` leaves no entry behind, for changes that back shall not undo one by one. */
export function go(target: string, replace = false, carry = true): void {
  const to = addressOf(carry ? carried(target) : target);
  if (to === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  const was = place.value.path;
  place.set(read());
  if (!replace && was !== place.value.path) window.scrollTo(0, 0);
}

// The chosen application goes along from screen to screen.
function carried(target: string): string {
  const application = place.value.query.get("application");
  const url = new URL(target, location.origin);
  if (!application || url.searchParams.has("application")) return target;
  url.searchParams.set("application", application);
  return url.pathname + url.search;
}

/** A parameter of the query, and a function that changes parameters: null takes one away. */
export function useQuery(): [URLSearchParams, (change: Record<string, string | null>, replace?: boolean) => void] {
  const { query } = useStore(place);
  return [query, changeQuery];
}

export function changeQuery(change: Record<string, string | null>, replace = false): void {
  const next = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  go(place.value.path + (text ? `?${text}` : ""), replace, false);
}

/** Parts of a path that match `pattern`, decoded: "/events/:id" finds {id}. Null if it does not match. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const has = path.replace(/\/+$/, "").split("/");
  if (wanted.length !== has.length) return null;
  const found: Record<string, string> = {};
  for (const [n, part] of wanted.entries()) {
    const value = has[n] ?? "";
    if (part.startsWith(":")) {
      try {
        found[part.slice(1)] = decodeURIComponent(value);
      } catch {
        return null;
      }
    } else if (part !== value) return null;
  }
  return found;
}

/** Follows links of the page without loading it again. Installed once on the document. */
export function followLinks(): void {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (link.getAttribute("href")?.startsWith("#")) return;
    if (/^\/(v1|api|assets|in)\//.test(link.pathname)) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

/** The document's title while the component is there. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} – relay` : "relay";
  }, [title]);
}

/** The width of the window, in classes that the screens tell apart. */
export function useNarrow(below = 760): boolean {
  const media = `(max-width: ${below - 1}px)`;
  const [narrow, set] = useState(() => matchMedia(media).matches);
  useEffect(() => {
    const list = matchMedia(media);
    const changed = () => set(list.matches);
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, [media]);
  return narrow;
}
