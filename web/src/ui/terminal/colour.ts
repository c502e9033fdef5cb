// Colours of a terminal, moved away from the background until they can be read in both themes.

/** The 16 colours that every terminal has, in the order of their codes. */
const BASE = [
  0x000000, 0xcd3131, 0x0dbc79, 0xe5e510, 0x2472c8, 0xbc3fbc, 0x11a8cd, 0xc0c0c0,
  0x666666, 0xf14c4c, 0x23d18b, 0xf5f543, 0x3b8eea, 0xd670d6, 0x29b8db, 0xffffff,
];
const STEPS = [0, 95, 135, 175, 215, 255];
/** WCAG asks for 4.5; the rest is room for the tint of a chosen row. */
const WANTED = 5;
// The lightest and the darkest surface of the themes on which text is written, `--sunken` of style/base.css.
const LIGHT = 0xf3f3f1;
const DARK = 0x212125;

/** A colour: 0 to 255 of the palette, or RGB with this bit. */
export const TRUE = 0x1000000;

function rgb(colour: number): number {
  if (colour & TRUE) return colour & 0xffffff;
  if (colour < 16) return BASE[colour] ?? 0;
  if (colour > 231) return (8 + (colour - 232) * 10) * 0x10101;
  const cube = colour - 16;
  return ((STEPS[Math.floor(cube / 36)] ?? 0) << 16) | ((STEPS[Math.floor(cube / 6) % 6] ?? 0) << 8) | (STEPS[cube % 6] ?? 0);
}

function luminance(colour: number): number {
  const part = (shift: number) => {
    const value = ((colour >> shift) & 255) / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0);
}

/** The contrast of two colours, 1 to 21, as WCAG 2 defines it. */
export function contrast(one: number, other: number): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** `colour`, mixed with black or white until it stands out from `ground`. */
export function readable(colour: number, ground: number): number {
  const end = luminance(ground) > 0.18 ? 0 : 255;
  let mixed = colour;
  for (let share = 0.05; contrast(mixed, ground) < WANTED && share <= 1; share += 0.05) {
    const part = (shift: number) => Math.round(((colour >> shift) & 255) * (1 - share) + end * share) << shift;
    mixed = part(16) | part(8) | part(0);
  }
  return mixed;
}

export const hex = (colour: number) => `#${colour.toString(16).padStart(6, "0")}`;

const styles = new Map<string, Record<string, string>>();

/** The style of text in the colours `fore` and `back`, each of which is -1 where the theme's own stands. */
export function styleOf(fore: number, back: number): Record<string, string> {
  const key = `${fore} ${back}`;
  let style = styles.get(key);
  if (style) return style;
  if (back >= 0) {
    const ground = rgb(back);
    const text = fore >= 0 ? rgb(fore) : luminance(ground) > 0.18 ? 0 : 0xffffff;
    style = { backgroundColor: hex(ground), color: hex(readable(text, ground)) };
  } else style = { "--light": hex(readable(rgb(fore), LIGHT)), "--dark": hex(readable(rgb(fore), DARK)) };
  if (styles.size > 2000) styles.clear();
  styles.set(key, style);
  return style;
}
