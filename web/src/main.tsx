// The page: finds the session, then shows the screen that the address names.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { followLinks } from "./core/router";
import { findSession, session } from "./core/session";
import { useStore } from "./core/store";
import { SignIn } from "./screens/sign-in";
import { Routed, type Screens, preload } from "./ui/routed";
import { Shell } from "./ui/shell";

const setup = (screen: keyof typeof import("./screens/setup")) => () => import("./screens/setup").then((all) => ({ default: all[screen] }));

// Each screen is a chunk of its own, fetched when it is first shown; those of what is set up share one.
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
  ["/jobs", () => import("./screens/jobs")],
  ["/jobs/:id", () => import("./screens/job")],
  ["/batches", () => import("./screens/batches")],
  ["/batches/:id", () => import("./screens/batch")],
  ["/letters", () => import("./screens/letters")],
  ["/letters/:id", () => import("./screens/letter")],
  ["/tasks", () => import("./screens/tasks")],
  ["/tasks/:id", () => import("./screens/task")],
  ["/event-types", setup("eventTypes")],
  ["/event-types/:name", setup("eventType")],
  ["/keys", () => import("./screens/keys")],
  ["/status", () => import("./screens/status")],
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
