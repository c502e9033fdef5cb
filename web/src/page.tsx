// The page: finds the session, then shows the screen that the address names.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { followLinks, mountLinks } from "./core/router";
import { findSession, session } from "./core/session";
import { useStore } from "./core/store";
import Overview from "./screens/overview";
import { SignIn } from "./screens/sign-in";
import { Routed, type Screens, later, preload } from "./ui/routed";
import { Shell } from "./ui/shell";

// The overview is there from the beginning; the other screens are fetched together when one of them is first needed.
const SCREENS: Screens = [
  ["/", async () => ({ default: Overview })],
  ["/events", later("events")],
  ["/events/:id", later("event")],
  ["/endpoints", later("endpoints")],
  ["/endpoints/~new", later("newEndpoint")],
  ["/endpoints/:id", later("endpoint")],
  ["/sources", later("sources")],
  ["/sources/~new", later("newSource")],
  ["/sources/:name", later("source")],
  ["/jobs", later("jobs")],
  ["/jobs/:id", later("job")],
  ["/batches", later("batches")],
  ["/batches/:id", later("batch")],
  ["/letters", later("letters")],
  ["/letters/:id", later("letter")],
  ["/tasks", later("tasks")],
  ["/tasks/:id", later("task")],
  ["/event-types", later("eventTypes")],
  ["/event-types/:name", later("eventType")],
  ["/keys", later("keys")],
  ["/status", later("status")],
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

/** Begins the page below `root`. */
export function beginPage(root: Element): void {
  mountLinks();
  followLinks();
  preload(SCREENS);
  render(<Page />, root);
}
