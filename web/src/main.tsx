// The page: finds the session, then shows the screen that the address names.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { followLinks } from "./core/router";
import { findSession, session } from "./core/session";
import { useStore } from "./core/store";
import { SignIn } from "./screens/sign-in";
import { Routed, type Screen, type Screens, preload } from "./ui/routed";
import { Shell } from "./ui/shell";

const setup = (screen: keyof typeof import("./screens/setup")) => () => import("./screens/setup").then((all) => ({ default: all[screen] }));
const work = (screen: keyof typeof import("./screens/work")) => () => import("./screens/work").then((all) => ({ default: all[screen] as Screen }));
const own = (screen: keyof typeof import("./screens/relay")) => () => import("./screens/relay").then((all) => ({ default: all[screen] as Screen }));

// Each screen is fetched when it is first shown. Those that are used together share a chunk.
const SCREENS: Screens = [
  ["/", () => import("./screens/overview")],
  ["/events", () => import("./screens/events")],
  ["/events/:id", () => import("./screens/event")],
  ["/endpoints", setup("endpoints")],
  ["/endpoints/new", setup("newEndpoint")],
  ["/endpoints/:id", setup("endpoint")],
  ["/sources", setup("sources")],
  ["/sources/new", setup("newSource")],
  ["/sources/:name", setup("source")],
  ["/jobs", work("Jobs")],
  ["/jobs/:id", work("Job")],
  ["/batches", work("Batches")],
  ["/batches/:id", work("Batch")],
  ["/letters", work("Letters")],
  ["/letters/:id", work("Letter")],
  ["/tasks", own("Tasks")],
  ["/tasks/:id", own("Task")],
  ["/event-types", setup("eventTypes")],
  ["/event-types/:name", setup("eventType")],
  ["/keys", own("Keys")],
  ["/status", own("Health")],
];

function Page() {
  const known = useStore(session);
  const [found, setFound] = useState(false);
  useEffect(() => {
    void findSession().finally(() => setFound(true));
  }, []);
  if (known) return <Shell><Routed screens={SCREENS} /></Shell>;
  return found ? <SignIn /> : null;
}

followLinks();
preload(SCREENS);
const root = document.getElementById("root");
if (root) render(<Page />, root);
