// How the portal looks and how it fits a frame: theme, accent colour, height. The address says so.

type Colour = [red: number, green: number, blue: number];

/** What the address asks for. It is kept for the tab, since screens have addresses of their own. */
export interface Wishes {
  theme: string | null;
  accent: string | null;
  locale: string | null;
  /** Origin of the page that embeds the portal, which is told the height. */
  frame: string | null;
}

const KEPT = "relay.portal.look";

/** Reads the wishes of the address, or those that the tab began with. */
export function readWishes(): Wishes {
  const query = new URLSearchParams(location.search);
  const names = ["theme", "accent", "locale", "frame"] as const;
  const wishes: Wishes = { theme: null, accent: null, locale: null, frame: null };
  try {
    if (names.some((name) => query.has(name))) {
      for (const name of names) wishes[name] = query.get(name)?.slice(0, 200) ?? null;
      sessionStorage.setItem(KEPT, JSON.stringify(wishes));
    } else Object.assign(wishes, JSON.parse(sessionStorage.getItem(KEPT) ?? "{}"));
  } catch {
    // Storage is forbidden in this frame: the wishes last until the page is loaded again.
  }
  return wishes;
}

/** A colour written as #rgb or #rrggbb. */
export function parseColour(text: string): Colour | null {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(text.trim());
  const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text.trim());
  const parts = short ? short.slice(1).map((digit) => digit + digit) : long?.slice(1);
  return parts ? (parts.map((part) => parseInt(part, 16)) as Colour) : null;
}

function luminance(colour: Colour): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as Colour;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast of two colours by WCAG 2: 1 to 21. */
export function contrast(one: Colour, other: Colour): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const NEEDED = 4.5;
const WHITE: Colour = [255, 255, 255];
const BLACK: Colour = [20, 20, 20];

/**
 * Uses the accent colour where it is legible: as text on the page and its surfaces, and with text on it. Returns
 * whether it is used in the theme that is shown.
 */
function paintAccent(accent: Colour): boolean {
  const { style } = document.documentElement;
  for (const name of ["--accent", "--accent-text", "--accent-soft"]) style.removeProperty(name);
  const shown = getComputedStyle(document.documentElement);
  const grounds = ["--page", "--surface", "--hover"].map((name) => parseColour(shown.getPropertyValue(name)));
  const on = contrast(accent, WHITE) >= NEEDED ? WHITE : BLACK;
  if (contrast(accent, on) < NEEDED || grounds.some((ground) => !ground || contrast(accent, ground) < NEEDED)) return false;
  const css = `rgb(${accent.join(" ")})`;
  style.setProperty("--accent", css);
  style.setProperty("--accent-text", `rgb(${on.join(" ")})`);
  style.setProperty("--accent-soft", `color-mix(in srgb, ${css} 12%, var(--surface))`);
  return true;
}

/** Applies theme and accent. `refused` is called if the accent is not legible, or is no colour. */
export function paint(wishes: Wishes, refused: () => void): void {
  const { dataset } = document.documentElement;
  if (wishes.theme === "light" || wishes.theme === "dark") dataset["theme"] = wishes.theme;
  if (!wishes.accent) return;
  const accent = parseColour(wishes.accent);
  const again = () => {
    if (!accent || !paintAccent(accent)) refused();
  };
  again();
  // The system's theme may change while the page is shown, and with it what is legible.
  if (!dataset["theme"]) matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
}

/** Tells the page that embeds this one how high it is, and nobody else: messages go to the named origin only. */
export function tellHeight(frame: string | null): void {
  if (window.parent === window || !frame) return;
  let origin = "";
  try {
    origin = new URL(frame).origin;
  } catch {
    return;
  }
  // "null" is the origin of files and of frames without one; such a message would reach anybody.
  if (!/^https?:\/\//.test(origin)) return;
  let told = 0;
  const tell = () => {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    if (height === told) return;
    told = height;
    window.parent.postMessage({ type: "relay:height", height }, origin);
  };
  new ResizeObserver(tell).observe(document.body);
}
