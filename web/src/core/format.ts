// Numbers and texts as the page shows them.

/** A whole number with its thousands apart: 14,203. */
export function count(number: number | null | undefined): string {
  return number === null || number === undefined ? "–" : number.toLocaleString("en-US");
}

/** A number and its noun: plural(1, "line") is "1 line". */
export function plural(number: number, noun: string, several = `${noun}s`): string {
  return `${count(number)} ${number === 1 ? noun : several}`;
}

/** A share as a percentage with one digit, and never "100 %" for less than all. */
export function share(part: number, whole: number): string {
  if (whole <= 0) return "–";
  const percent = (part / whole) * 100;
  if (part < whole && percent > 99.9) return "99.9 %";
  return `${percent === 100 || percent === 0 ? percent.toFixed(0) : percent.toFixed(1)} %`;
}

/** Bytes: "812 B", "3.4 KB", "1.2 MB". */
export function bytes(number: number): string {
  if (number < 1000) return `${number} B`;
  if (number < 1_000_000) return `${(number / 1000).toFixed(1)} KB`;
  return `${(number / 1_000_000).toFixed(1)} MB`;
}

// Controls of direction reorder what surrounds them; other controls are invisible or break lines.
// eslint-disable-next-line no-control-regex
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]|\p{Surrogate}/gu;

/** Text of strangers with what cannot be seen written out: U+202E. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (sign) => `U+${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`);
}

/** One line of strangers' text, at most `most` characters. */
export function line(text: string, most = 300): string {
  const whole = visible(text.length > most * 4 ? text.slice(0, most * 4) : text).replace(/\s+/g, " ");
  return whole.length > most ? `${whole.slice(0, most)}…` : whole;
}
