// The page: finds the session, then shows the screen that the address names.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { followLinks, mountLinks } from "./core/router";
import { findSession, session } from "./core/session";
import { useStore } from "./core/store";
import { SignIn } from "./screens/sign-in";
import { Routed, type Screen, type Screens, preload } from "./ui/routed";
import { Shell } from "./ui/shell";

const work = (screen: keyof typeof import("./screens/work")) => () => import("./screens/work").then((all) => ({ default: all[screen] as Screen }));
const setup = (screen: keyof typeof import("./screens/setup")) => () => import("./screens/setup").then((all) => ({ default: all[screen] as Screen }));

// The screens come in three chunks, each fetched when it is first needed.
const SCREENS: Screens = [
  ["/", () => import("./screens/overview")],
  ["/events", work("events")],
  ["/events/:id", work("event")],
  ["/endpoints", setup("endpoints")],
  ["/endpoints/~new", setup("newEndpoint")],
  ["/endpoints/:id", setup("endpoint")],
  ["/sources", setup("sources")],
  ["/sources/~new", setup("newSource")],
  ["/sources/:name", setup("source")],
  ["/jobs", work("jobs")],
  ["/jobs/:id", work("job")],
  ["/batches", work("batches")],
  ["/batches/:id", work("batch")],
  ["/letters", work("letters")],
  ["/letters/:id", work("letter")],
  ["/tasks", setup("tasks")],
  ["/tasks/:id", setup("task")],
  ["/event-types", setup("eventTypes")],
  ["/event-types/:name", setup("eventType")],
  ["/keys", setup("keys")],
  ["/status", setup("status")],
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

mountLinks();
followLinks();
preload(SCREENS);
const root = document.getElementById("root");
if (root) render(<Page />, root);
