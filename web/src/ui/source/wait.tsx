// Waits for the first request of a new source, and says in words what is wrong with each refused one.

import { get, path } from "../../core/api";
import type { Profile } from "../../core/contract";
import { type Part, useThing } from "../../core/list";
import { useLive } from "../../core/live";
import { useSoon } from "../../core/soon";
import type { EventRow, Refusals } from "../../core/types";
import { Badge, Button, Code, Text, When } from "../basics";
import { Samples, Sentence } from "./refusals";
import { type KnownSource, urlOf } from "./shared";

interface Heard { accepted: EventRow | undefined; refusals: Refusals }

export function WaitForFirst({ source, profile }: { source: KnownSource; profile: Profile | undefined }) {
  const heard = useThing<Heard>(source.name + source.created_at, async (signal) => {
    const since = new Date(Math.max(Date.parse(source.created_at), Date.now() - 7 * 86_400_000)).toISOString();
    const [events, refusals] = await Promise.all([
      get<Part<EventRow>>("/v1/events", { source: source.name, application: source.application_id, since, limit: 1 }, signal),
      get<Refusals>(path`/v1/sources/${source.name}/refusals`, { since, limit: 20 }, signal),
    ]);
    return { accepted: events.data[0], refusals };
  });
  const soon = useSoon(heard.refresh, 300);
  useLive({ action: "subscribe_events", application: source.application_id }, (message) => {
    if (message.event === "events" || message.event === "refusals") soon();
  }, heard.refresh);
  const accepted = heard.value?.accepted;
  const samples = heard.value?.refusals.samples ?? [];
  const event = profile?.events[0];
  return (
    <div class="wait">
      <div class="card stack">
        <h2>1. Tell the sender this URL</h2>
        <Code text={urlOf(source)} what="URL" />
        {profile && <p class="soft"><Sentence text={profile.settings} />{profile.docs_url && <> <a href={profile.docs_url} target="_blank" rel="noreferrer">Its documentation</a></>}</p>}
        {!profile?.events.length ? null : (
          <>
            <p class="soft">Or send a signed sample from a terminal:</p>
            <Code text={`relay trigger ${source.profile}${event ? `:${event}` : ""} --source ${source.name} --secret-from -`} />
          </>
        )}
      </div>
      <div class={`card stack first-request ${accepted ? "came" : ""}`} role="status" aria-label="First request">
        <h2>2. {accepted ? "The first request was accepted" : "Waiting for the first request"}</h2>
        {accepted
          ? (
            <p class="spread">
              <span><Badge tone="good">Accepted</Badge> <a href={path`/events/${accepted.id}`}><Text text={accepted.type} /></a> <span class="faint"><When at={accepted.created_at} /></span></span>
              <a class="button primary" href={path`/sources/${source.name}`}>Go to the source</a>
            </p>
          )
          : <p class="spread"><span class="soft"><span class="pulse" aria-hidden="true" />It appears here the moment that it arrives. A refused one is explained within ten seconds.</span><Button kind="quiet" icon="retry" busy={heard.reading} onClick={heard.refresh}>Look again</Button></p>}
        {heard.failure && <p class="bad">{heard.failure.message}</p>}
        {samples.length > 0 && <h3>{accepted ? "Refused before" : "Refused"}</h3>}
      </div>
      {samples.length > 0 && <Samples samples={samples} />}
    </div>
  );
}
