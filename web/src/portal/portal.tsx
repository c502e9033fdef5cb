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
import { languageOf, textsOf } from "./texts";

let texts = textsOf("en");

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

const items = (): [href: string, title: string, icon: IconName][] => [
  ["/endpoints", texts.endpoints, "endpoints"],
  ["/events", texts.events, "events"],
  ["/letters", texts.letters, "letters"],
  ["/event-types", texts.types, "types"],
];

function Frame() {
  const { path } = useStore(place);
  const known = useStore(session);
  const state = useStore(lamp).state;
  useStore(applications);
  const words = state === "live" ? texts.live : state === "connecting" ? texts.connecting : state === "asking" ? texts.asking : texts.offlineSince;
  return (
    <>
      <a class="skip" href="#main">{texts.skip}</a>
      <div class="portal">
        <header class="portal-bar">
          <span class="portal-name"><Text text={applicationName(known?.application)} most={80} /></span>
          {known?.portal?.read_only && <Tag title={texts.readOnlyWhy}>{texts.readOnly}</Tag>}
          <span class={`lamp ${state}`} role="status"><span class="lamp-dot" aria-hidden="true" />{words}</span>
        </header>
        <nav class="portal-nav" aria-label={texts.screens}>
          {items().map(([href, title, icon]) => (
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
  const title = offline ? texts.offline : why.includes("ended") ? texts.ended : why.includes("owner") ? texts.owners : texts.used;
  return (
    <main id="main" class="portal-over">
      <h1>{title}</h1>
      {offline ? <div><Button icon="retry" onClick={() => location.reload()}>{texts.retry}</Button></div> : <p>{texts.again}</p>}
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
  const language = languageOf(wishes.locale);
  texts = textsOf(language);
  document.documentElement.lang = language;
  paint(wishes, () => console.warn(texts.noAccent));
  tellHeight(wishes.frame);
  mountLinks();
  followLinks();
  preload(SCREENS);
  render(<Portal />, root);
}
