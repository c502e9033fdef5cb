// The texts of the portal's frame, by language. The screens inside it are in English.

const en = {
  screens: "Screens",
  endpoints: "Endpoints",
  events: "Events",
  letters: "Dead letters",
  types: "Event types",
  skip: "Skip to the content",
  readOnly: "View only",
  readOnlyWhy: "This portal shows everything and changes nothing.",
  ended: "This session has ended",
  used: "This link was used, or it has expired",
  owners: "This link is for the owner's page, which stands in no frame",
  offline: "The page cannot be reached",
  again: "Go back to where you came from and open this page again. A link to it works once.",
  retry: "Try again",
  live: "Live",
  connecting: "Connecting",
  asking: "Every 10 s",
  offlineSince: "Offline",
  noAccent: "The accent colour was not used: its contrast with the page is below 4.5 to 1.",
};

export type Texts = typeof en;

/** Texts by language. A language that is missing is shown in English. */
const LANGUAGES: Record<string, Texts> = { en };

/** Language of the texts: what is asked for, as "de" or "de-AT", if there are texts for it. */
export function languageOf(locale: string | null): string {
  const asked = (locale ?? "").toLowerCase();
  return [asked, asked.split("-")[0] ?? ""].find((one) => Object.hasOwn(LANGUAGES, one)) ?? "en";
}

export function textsOf(language: string): Texts {
  return LANGUAGES[language] ?? en;
}
