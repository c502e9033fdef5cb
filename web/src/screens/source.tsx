// One source: its URL, what was refused and why, and its settings.

import { useState } from "preact/hooks";
import { useAction } from "../core/action";
import { get, path, send } from "../core/api";
import type { Profile, SourceActivity } from "../core/contract";
import { useThing } from "../core/list";
import { useLive } from "../core/live";
import { changeQuery, go, useQuery, useTitle } from "../core/router";
import { applicationName, applications } from "../core/scope";
import { seconds } from "../core/policy";
import { useSoon } from "../core/soon";
import { useStore } from "../core/store";
import type { Refusals } from "../core/types";
import { Badge, Button, Code, Fact, Facts, For, Head, Section, Tag, Text, When } from "../ui/basics";
import { Confirm } from "../ui/dialog";
import { AreaField, CheckField, SelectField, TextField } from "../ui/fields";
import { MoreMenu } from "../ui/menu";
import { RefusalsByReason, Samples, Sentence } from "../ui/source/refusals";
import { type KnownSource, settingsOf, urlOf, useProfiles } from "../ui/source/shared";
import { notAdmin } from "../ui/forbidden";
import { Ready } from "../ui/states";

export default function SourceScreen({ parts }: { parts: Record<string, string> }) {
  const name = parts["name"] ?? "";
  useTitle(name);
  const thing = useThing(name, (signal) => get<KnownSource>(path`/v1/sources/${name}`, undefined, signal));
  const profiles = useProfiles();
  const source = thing.value;
  const profile = profiles.value?.find((one) => one.name === source?.profile);
  return (
    <>
      <Head title={<Text text={name} />} above={{ href: "/sources", title: "Sources" }} side={source && <Acts source={source} profile={profile} changed={thing.refresh} />}>
        {source && <Standing source={source} profile={profile} />}
      </Head>
      <Ready of={thing} loaded={source !== undefined} what="This source">{source && <Shown source={source} profile={profile} changed={thing.refresh} />}</Ready>
    </>
  );
}

function Standing({ source, profile }: { source: KnownSource; profile: Profile | undefined }) {
  const { activity } = source;
  return (
    <span class="standing">
      {activity?.silent_since
        ? <><Badge tone="warn">Silent</Badge><span><For since={activity.silent_since} />{activity.usual_gap_s && <>; usually there are {seconds(activity.usual_gap_s)} between two requests</>}</span></>
        : activity?.last_accepted_at
          ? <><Badge tone="good">Receiving</Badge><span>last accepted <When at={activity.last_accepted_at} /></span></>
          : activity && <><Badge tone="idle">Nothing yet</Badge><span><a href={`/sources/~new?wait=${encodeURIComponent(source.name)}`}>Wait for the first request</a></span></>}
      <span class="soft">{profile?.title ?? source.profile}, to <Text text={applicationName(source.application_id)} /></span>
    </span>
  );
}

function Shown({ source, profile, changed }: { source: KnownSource; profile: Profile | undefined; changed: () => void }) {
  const refusals = useThing(source.name, (signal) => get<Refusals>(path`/v1/sources/${source.name}/refusals`, { since: new Date(Date.now() - 86_400_000).toISOString(), limit: 20 }, signal));
  const soon = useSoon(() => {
    changed();
    refusals.refresh();
  }, 2000);
  useLive({ action: "subscribe_events", application: source.application_id }, (message) => {
    if (message.event === "events" || message.event === "refusals") soon();
  }, () => { changed(); refusals.refresh(); });
  const { activity } = source;
  const samples = refusals.value?.samples ?? [];
  const event = profile?.events[0];
  return (
    <>
      <Code text={urlOf(source)} what="URL" />
      {profile && <p class="soft below"><Sentence text={profile.settings} />{profile.docs_url && <> <a href={profile.docs_url} target="_blank" rel="noreferrer">Its documentation</a></>}</p>}
      <Section title="How it is judged">
        <div class="card">
          <Facts>
            <Fact name="Signature" wide>{profile?.scheme ?? source.profile}</Fact>
            <Fact name="Replay-safe" wide={!source.replay_safe}>
              {source.replay_safe ? "Yes" : source.locked ? <>Locked: it has signed in a replay-safe way, and a weaker signature is refused since.</> : <>No. {profile?.why_not}</>}
            </Fact>
            <Fact name="Secrets">{source.secret_count}{source.secrets_kept_since[0] && <>, the newest since <When at={source.secrets_kept_since[0]} plain /></>}</Fact>
            <Fact name="Age of a signature">{source.tolerance_seconds ? `at most ${seconds(source.tolerance_seconds)}` : "as the profile says"}</Fact>
            <Fact name="Addresses">{source.allowed_networks?.length ? <Text text={source.allowed_networks.join(", ")} /> : "any"}</Fact>
            <Fact name="Rate"><Rate source={source} /></Fact>
            <Fact name="Jobs">{source.strict ? "only registered ones" : "any"}{source.deadline_seconds ? `, overdue after ${seconds(source.deadline_seconds)}` : ""}{source.platform ? `; the platform is asked${source.mode ? ` (${source.mode})` : ""}` : ""}</Fact>
            <Fact name="Handshake"><Handshake of={activity?.handshake} /></Fact>
            <Fact name="Last accepted"><When at={activity?.last_accepted_at} /></Fact>
            <Fact name="Last refused" wide>
              <When at={activity?.last_refused_at ?? samples[0]?.at} />
              {(activity?.last_refusal ?? samples[0]?.sentence) && <>: <Sentence text={activity?.last_refusal ?? samples[0]?.sentence ?? ""} /></>}
            </Fact>
            <Fact name="Created"><When at={source.created_at} plain /></Fact>
            <Fact name="Events"><a href={`/events?source=${encodeURIComponent(source.name)}`}>Show its events</a></Fact>
          </Facts>
        </div>
      </Section>
      <Section title="Refused in the last 24 hours">
        <Ready of={refusals} loaded={refusals.value !== undefined} what="The list of refusals" rows={3}>{refusals.value && <RefusalsByReason refusals={refusals.value} />}</Ready>
      </Section>
      {samples.length > 0 && <Section title="The newest refused requests"><Samples samples={samples} /></Section>}
      <Section title="Try it">
        <Code text={`relay trigger ${source.profile}${event ? `:${event}` : ""} --source ${source.name} --secret-from -`} />
        {profile && profile.events.length > 1 && <p class="soft below">It can send: {profile.events.map((one) => <Tag key={one}>{one}</Tag>)}</p>}
      </Section>
    </>
  );
}

/** Whether the sender has checked the URL, as some do before they send anything else. */
function Handshake({ of }: { of: SourceActivity["handshake"] | undefined }) {
  if (of?.at) return <>answered <When at={of.at} /></>;
  return <>{of?.state === "waiting" ? "waiting for the sender's challenge: it comes when the URL is saved there" : "none needed: this sender sends no challenge"}</>;
}

function Rate({ source }: { source: KnownSource }) {
  const rate = source.rate_limit as { requests?: number; per?: string } | null | undefined;
  return <>{rate ? `at most ${rate.requests} per ${rate.per}` : "no limit"}</>;
}

type Act = "rotate" | "limits" | "unlock" | "remove";

function Acts({ source, profile, changed }: { source: KnownSource; profile: Profile | undefined; changed: () => void }) {
  const [query] = useQuery();
  const why = notAdmin();
  const act = query.get("act") as Act | null;
  const close = () => changeQuery({ act: null }, true);
  const props = { source, profile, changed, close };
  return (
    <>
      <Button icon="keys" disabled={why !== undefined} title={why} onClick={() => changeQuery({ act: "rotate" })}>Rotate secrets</Button>
      <MoreMenu items={[
        { title: "Limits and application", icon: "filter", why, act: () => changeQuery({ act: "limits" }) },
        ...(source.locked ? [{ title: "Allow the weaker signature", icon: "keys" as const, why, act: () => changeQuery({ act: "unlock" }) }] : []),
        { title: "Delete", icon: "cross", why, danger: true, act: () => changeQuery({ act: "remove" }) },
      ]} />
      {why === undefined && act === "rotate" && <RotateSecrets {...props} />}
      {why === undefined && act === "limits" && <Limits {...props} />}
      {why === undefined && act === "unlock" && <Unlock {...props} />}
      {why === undefined && act === "remove" && <Remove {...props} />}
    </>
  );
}

interface Props {
  source: KnownSource;
  profile: Profile | undefined;
  changed: () => void;
  close: () => void;
}

/** Writes the source again with other settings. The relay keeps what is left out of the secrets. */
function usePut({ source, changed, close }: Props) {
  return useAction(async (key: string, change: Record<string, unknown>) => {
    const body = Object.fromEntries(Object.entries({ ...settingsOf(source), ...change }).filter(([, value]) => value !== null));
    await send("PUT", path`/v1/sources/${source.name}`, body, { key });
    changed();
    close();
  });
}

function RotateSecrets(props: Props) {
  const { source, profile, close } = props;
  const [fresh, setFresh] = useState("");
  const [old, setOld] = useState("");
  const put = usePut(props);
  return (
    <Confirm title="Rotate the secrets" action="Replace the secrets" kind={old.trim() ? "primary" : "danger"} act={put} close={close} disabled={!fresh.trim()}
      confirm={() => void put.run({ secrets: [fresh, old].map((one) => one.trim()).filter(Boolean) })}>
      <p class="soft">{source.secret_count === 1 ? "The present secret is" : `The ${source.secret_count} present secrets are`} replaced. The relay shows no secret, so a present one that is to stay has to be written again.</p>
      <TextField label="New secret" type="password" value={fresh} change={setFresh} help={profile ? `${profile.secret.label}: ${profile.secret.shape}.` : undefined} />
      <TextField label="Old secret, which stays valid" type="password" value={old} change={setOld} help="Without it, requests that are signed with the old secret are refused at once." />
    </Confirm>
  );
}

function Limits(props: Props) {
  const { source, close } = props;
  const all = useStore(applications) ?? [];
  const rate = source.rate_limit as { requests?: number; per?: string } | null | undefined;
  const [owner, setOwner] = useState(source.application_id);
  const [requests, setRequests] = useState(rate?.requests ? String(rate.requests) : "");
  const [per, setPer] = useState(rate?.per ?? "second");
  const [networks, setNetworks] = useState((source.allowed_networks ?? []).join("\n"));
  const [tolerance, setTolerance] = useState(source.tolerance_seconds ? String(source.tolerance_seconds) : "");
  const [strict, setStrict] = useState(source.strict);
  const put = usePut(props);
  return (
    <Confirm title="Limits and application" action="Save" close={close} act={put} confirm={() => void put.run({
          application: owner, strict,
          rate_limit: requests.trim() ? { requests: Number(requests), per } : null,
          allowed_networks: networks.split(/[\s,]+/).filter(Boolean),
          tolerance_seconds: tolerance.trim() ? Number(tolerance) : null,
        })}>
        <SelectField label="Application" value={owner} change={setOwner} choices={[...(all.some((one) => one.id === source.application_id) ? [] : [{ value: source.application_id, title: source.application }]), ...all.map((one) => ({ value: one.id, title: one.name }))]}
          help={owner === source.application_id ? "Its endpoints hear of what comes." : "Jobs and events from before stay with the present application."} />
        <div class="fields-row">
          <TextField label="Requests" type="number" value={requests} change={setRequests} placeholder="no limit" />
          <SelectField label="Per" value={per} change={setPer} choices={[{ value: "second", title: "second" }, { value: "minute", title: "minute" }]} />
        </div>
        <AreaField label="Addresses that may call" value={networks} change={setNetworks} rows={3} code placeholder="192.0.2.0/24" help="Networks in CIDR notation, one a line. Any address if this is empty." />
        <TextField label="Age that a signature may have, in seconds" type="number" value={tolerance} change={setTolerance} placeholder="as the profile says" />
        <CheckField label="Only registered jobs" checked={strict} change={setStrict} help="Reports on other jobs are refused with 404." />
        <p class="soft">A change takes effect everywhere within 60 s.</p>
    </Confirm>
  );
}

function Unlock(props: Props) {
  const put = usePut(props);
  return (
    <Confirm title="Allow the weaker signature" action="Allow it" kind="danger" act={put} close={props.close} confirm={() => void put.run({ locked: false })}>
      <p>The source has signed in a replay-safe way. If this is taken back, a request that was captured can be sent again later.</p>
    </Confirm>
  );
}

function Remove({ source, close }: Props) {
  const act = useAction(async (key: string) => {
    await send("DELETE", path`/v1/sources/${source.name}`, undefined, { key });
    go("/sources", true);
  });
  return (
    <Confirm title="Delete this source" action="Delete" kind="danger" typed={source.name} act={act} close={close} confirm={() => void act.run()}>
      <p>Its sender is refused from then on, and its secrets are destroyed. Events and jobs stay for their retention.</p>
    </Confirm>
  );
}
