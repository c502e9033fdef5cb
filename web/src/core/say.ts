// Texts in the language of the reader. Only a build with languages has calls of this: texts.mjs writes them.

import { count, plural } from "./format";

/** A text; or its forms by the names that `Intl.PluralRules` gives to numbers, of which `other` is always there. */
type Said = string | Record<string, string>;

let texts: Record<string, Said> = {};
let rules: Intl.PluralRules | undefined;

/** Chooses the language, before anything is shown. */
export function speak(language: string, said: Record<string, Said>): void {
  texts = said;
  rules = new Intl.PluralRules(language);
}

function parts(message: string, values: unknown[]): unknown[] {
  const said = texts[message];
  // A number in braces is the place of a value.
  return (typeof said === "string" ? said : (said?.["other"] ?? message)).split(/\{(\d+)\}/).map((part, n) => (n % 2 ? values[Number(part)] : part));
}

/** The text for the English `message`, with `values` in their places. */
export function say(message: string, ...values: unknown[]): string {
  return parts(message, values).join("");
}

/** The same as children of an element: a value may be an element, or nothing. */
export function sayAll(message: string, ...values: unknown[]): unknown[] {
  return parts(message, values);
}

/** A number and its noun, as `plural` says it in English. The text is that of many: "{0} events". */
export function sayMany(number: number, noun: string, several = `${noun}s`): string {
  const said = texts[`{0} ${several}`];
  if (said === undefined) return plural(number, noun, several);
  const form = typeof said === "string" ? said : (said[rules?.select(number) ?? "other"] ?? said["other"] ?? "{0}");
  return form.replace("{0}", count(number));
}
