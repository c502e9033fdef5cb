// The portal: the screens of one application, for its subscriber. It can be embedded into the owner's page.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { lamp } from "../core/live";
import { followLinks, go, mountLinks, place } from "../core/router";
import { applicationName, applications } from "../core/scope";
import { farewell, findSession, session } from "../core/session";
import { useStore } from "../core/store";
import { Button, Tag, Text } from "../ui/basics";
import { Icon, type IconName } from "../ui/icons";
import { Routed, type Screens, later, preload } from "../ui/routed";
import { paint, readWishes, tellHeight } from "./look";

const SCREENS: Screens = [
  ["/", later("endpoints")],
  ["/endpoints", later("endpoints")],
  ["/endpoints/~new", later("newEndpoint")],
  ["/endpoints/:id", later("endpoint")],
  ["/events", later("events")],
  ["/events/:id", later("event")],
  ["/letters", later("letters")],
  ["/letters/:id", later("letter")],
  ["/event-types", later("eventTypes")],
  ["/event-types/:name", later("eventType")],
];

const ITEMS: [href: string, title: string, icon: IconName][] = [
  ["/endpoints", "Endpoints", "endpoints"],
  ["/events", "Events", "events"],
  ["/letters", "Dead letters", "letters"],
  ["/event-types", "Event types", "types"],
];

function Frame() {
  const { path } = useStore(place);
  const known = useStore(session);
  const state = useStore(lamp).state;
  useStore(applications);
  const words = state === "live" ? "Live" : state === "connecting" ? "Connecting" : state === "asking" ? "Every 10 s" : "Offline";
  return (
    <>
      <a class="skip" href="#main">Skip to the content</a>
      <div class="portal">
        <header class="portal-bar">
          <span class="portal-name"><Text text={applicationName(known?.application)} most={80} /></span>
          {known?.portal?.read_only && <Tag title="This portal shows everything and changes nothing.">View only</Tag>}
          <span class={`lamp ${state}`} role="status"><span class="lamp-dot" aria-hidden="true" />{words}</span>
        </header>
        <nav class="portal-nav" aria-label="Screens">
          {ITEMS.map(([href, title, icon]) => (
            <a key={href} href={href} aria-current={path === href || path.startsWith(`${href}/`) || (path === "/" && href === "/endpoints") ? "page" : undefined}><Icon name={icon} size={14} />{title}</a>
          ))}
        </nav>
        <main id="main" tabIndex={-1}><Routed screens={SCREENS} /></main>
      </div>
    </>
  );
}

/** There is no session: the link was used, the session has ended, or the relay does not answer. */
function Over() {
  const why = useStore(farewell);
  const offline = why.includes("reached");
  const title = offline ? "The page cannot be reached" : why.includes("ended") ? "This session has ended" : why.includes("owner") ? "This link is for the owner's page, which stands in no frame" : "This link was used, or it has expired";
  return (
    <main id="main" class="portal-over">
      <h1>{title}</h1>
      {offline ? <div><Button icon="retry" onClick={() => location.reload()}>Try again</Button></div> : <p>Go back to where you came from and open this page again. A link to it works once.</p>}
    </main>
  );
}

function Portal() {
  const known = useStore(session);
  const [found, setFound] = useState(false);
  useEffect(() => {
    void findSession().finally(() => {
      if (session.value && place.value.path === "/") go("/endpoints", true, false);
      setFound(true);
    });
  }, []);
  if (known) return <Frame />;
  return found ? <Over /> : null;
}

/** Begins the portal below `root`. */
export function beginPortal(root: Element): void {
  const wishes = readWishes();
  paint(wishes, () => console.warn("The accent colour was not used: its contrast with the page is below 4.5 to 1."));
  tellHeight(wishes.frame);
  mountLinks();
  followLinks();
  preload(SCREENS);
  render(<Portal />, root);
}
