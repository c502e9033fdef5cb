// The applications that the session reaches, and the one that is chosen.

import { get, path } from "./api";
import { place } from "./router";
import { session } from "./session";
import { Store, useStore } from "./store";

export interface Application {
  id: string;
  name: string;
  uid?: string | null;
}

/** Applications of the session, or null until they are known. At most 1,000. */
export const applications = new Store<Application[] | null>(null);

session.subscribe(() => {
  applications.set(null);
  if (session.value) void readApplications();
});

/** Reads the list of applications again. */
export async function readApplications(): Promise<void> {
  const found: Application[] = [];
  let iterator: string | undefined;
  const only = session.value?.portal ? session.value.application : null;
  try {
    if (only) found.push(await get<Application>(path`/api/v1/app/${only}`));
    else do {
      const part = await get<{ data: Application[]; iterator?: string | null; done: boolean }>("/api/v1/app", { limit: 250, iterator });
      found.push(...part.data);
      iterator = part.done ? undefined : (part.iterator ?? undefined);
    } while (iterator && found.length < 1000);
  } catch {
    const { value } = session;
    if (value?.application) found.push({ id: value.application, name: value.relay?.application_name ?? value.application });
  }
  applications.set(found);
}

/** The chosen application's id, or undefined for all that the session reaches. */
export function useApplication(): string | undefined {
  const { query } = useStore(place);
  const known = useStore(session);
  return query.get("application") ?? known?.application ?? undefined;
}

/** Applications whose topics the page follows: the chosen one, or all. */
export function useFollowed(): string[] {
  const chosen = useApplication();
  const all = useStore(applications);
  if (chosen) return [chosen];
  return (all ?? []).map((application) => application.id);
}

/** The name of an application, or its id while the name is not known. */
export function applicationName(id: string | null | undefined): string {
  if (!id) return "–";
  return applications.value?.find((one) => one.id === id || one.uid === id)?.name ?? id;
}
