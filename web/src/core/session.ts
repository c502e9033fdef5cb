// The session: made of a one-time code, kept until it ends.

import { Failure, call, send } from "./api";
import { mount } from "./mount";
import { place, portal } from "./router";
import { Store } from "./store";

/** What the session may do, as `GET /v1/sessions/current` says. */
export interface SessionInfo {
  scope: string;
  /** Id of the only application that the session reaches; null if it reaches all. */
  application: string | null;
  expires_at: string;
  portal?: { capabilities: string[]; feature_flags: string[]; read_only: boolean } | null;
  relay?: { version: string; url?: string | null; live_url?: string | null; application_name?: string | null };
}

export interface Session extends SessionInfo {
  token: string;
}

// A portal has a session of its own: one browser may hold the owner's too.
const placeOf = (portal: boolean) => (portal ? "relay.portal" : "relay.session");
const PLACE = placeOf(portal);
const framed = window.top !== window;

/** The session, or null while nobody is signed in. */
export const session = new Store<Session | null>(null);
/** Why the sign-in page is shown although somebody had signed in or had a code. */
export const farewell = new Store<string>("");

// The page shares the session with its other tabs. A portal, and a page in a frame, keep it in their own tab.
function storage(of = portal): Storage | null {
  try {
    return framed || of ? sessionStorage : localStorage;
  } catch {
    return null;
  }
}

function keep(value: Session | null, of = portal): void {
  try {
    if (value) storage(of)?.setItem(placeOf(of), JSON.stringify({ token: value.token, expires_at: value.expires_at }));
    else storage(of)?.removeItem(placeOf(of));
  } catch {
    // Storage is full or forbidden: the session lives as long as the page.
  }
}

async function look(token: string): Promise<Session> {
  const response = await call("GET", "/v1/sessions/current", { bearer: token });
  return { ...((await response.json()) as SessionInfo), token };
}

async function begin(token: string): Promise<void> {
  const value = await look(token);
  const other = !portal;
  if (Boolean(value.portal) === other) {
    // A portal's code was opened at the owner's page, or the other way round. The session goes along to where it belongs.
    if (storage()?.getItem(PLACE)?.includes(token)) keep(null);
    // The owner's page may not be framed.
    if (framed && !other) return farewell.set("This link is the owner's.");
    keep(value, other);
    location.replace(mount + (other ? "/portal" : "") + (other && place.value.path === "/" ? "" : place.value.path) + location.search);
    return new Promise(() => undefined);
  }
  keep(value);
  farewell.set("");
  session.set(value);
}

/** Changes a code for a session. */
export async function signInWithCode(code: string): Promise<void> {
  const made = await send<{ token: string }>("POST", "/v1/sessions", { code }, { bearer: "" });
  await begin(made.token);
}

/** Makes a code with an API key, and a session of it. The key is not kept. */
export async function signInWithKey(key: string): Promise<void> {
  const made = await send<{ code: string }>("POST", "/v1/sessions/codes", undefined, { bearer: key.trim() });
  await signInWithCode(made.code);
}

/** Forgets the session, which has ended or is refused. */
export function signOut(why = "Your session has ended. Sign in again; this page stays where it is."): void {
  if (!session.value) return;
  keep(null);
  farewell.set(why);
  session.set(null);
}

/** Ends the session at the relay too. */
export async function endSession(): Promise<void> {
  try {
    await call("DELETE", "/v1/sessions/current");
  } finally {
    signOut("You have signed out.");
  }
}

/**
 * Finds the session as the page begins: of a code in the address, or the one that is kept.
 * Returns an error's text for the sign-in page, or empty text.
 */
export async function findSession(): Promise<void> {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code) {
    // The code leaves the address at once, so that it is in no history entry and no copied link.
    history.replaceState(null, "", location.pathname + location.search);
    try {
      return await signInWithCode(code);
    } catch (error) {
      farewell.set(
        error instanceof Failure && error.kind !== "offline"
          ? "This link was used or has expired. Make another with `relay open`, or sign in with an API key."
          : "The relay cannot be reached.",
      );
    }
  }
  const saved = storage()?.getItem(PLACE);
  if (!saved) return;
  try {
    const { token } = JSON.parse(saved);
    await begin(token);
    farewell.set("");
  } catch (error) {
    if (error instanceof Failure && error.kind === "signed-out") {
      keep(null);
      farewell.set("Your session has ended. Sign in again.");
    } else {
      farewell.set("The relay cannot be reached.");
    }
  }
}

window.addEventListener("storage", (change) => {
  // Another tab signed out or in.
  if (change.key !== PLACE) return;
  if (!change.newValue) signOut("You have signed out in another tab.");
  else if (!session.value) void findSession();
});

const SCOPES = ["read", "publish", "admin"];

/** What a portal's session may do, by the names of the Svix contract. */
export type Capability = "ViewEndpointSecret" | "ManageEndpointSecret" | "CreateAttempts" | "ManageEndpoint";

/**
 * Whether the session's scope is `scope` or larger. A portal's session has capabilities instead: it may do what names
 * one that it has, and nothing else beyond reading.
 */
export function may(scope: "read" | "publish" | "admin", capability?: Capability): boolean {
  const rights = session.value?.portal;
  if (rights) return scope === "read" || (capability !== undefined && rights.capabilities.includes(capability));
  const has = session.value?.scope ?? "";
  return SCOPES.indexOf(has) >= SCOPES.indexOf(scope);
}
