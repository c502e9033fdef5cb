// Creating a source: the sender, its secret, then its first request.

import { useMemo, useState } from "preact/hooks";
import { useAction } from "../core/action";
import { Failure, call, get, path, send } from "../core/api";
import type { Profile } from "../core/contract";
import { asFailure, useThing } from "../core/list";
import { go, useQuery, useTitle } from "../core/router";
import { applications, useApplication } from "../core/scope";
import { may, session } from "../core/session";
import { useStore } from "../core/store";
import { Badge, Button, CopyButton, Head, Text } from "../ui/basics";
import { AreaField, Field, SelectField, TextField } from "../ui/fields";
import { Forbidden } from "../ui/forbidden";
import { objectError } from "../ui/json-error";
import { Sentence } from "../ui/source/refusals";
import { type KnownSource, useProfiles } from "../ui/source/shared";
import { WaitForFirst } from "../ui/source/wait";
import { ActionError, NotYet } from "../ui/states";

export default function NewSource() {
  useTitle("New source");
  const [query] = useQuery();
  const profiles = useProfiles();
  const waiting = query.get("wait");
  const chosen = query.get("profile");
  const profile = profiles.value?.find((one) => one.name === chosen);
  return (
    <>
      <Head title={waiting ? <Text text={waiting} /> : "New source"} above={{ href: "/sources", title: "Sources" }} />
      {!may("admin") && <Forbidden />}
      {may("admin") && !profiles.value && <NotYet of={profiles} what="The list of senders" />}
      {may("admin") && profiles.value && (
        waiting ? <Waiting name={waiting} profiles={profiles.value} />
        : profile ? <Form profile={profile} key={profile.name} />
        : <Choose profiles={profiles.value} />
      )}
    </>
  );
}

/** All senders, with a search. */
function Choose({ profiles }: { profiles: Profile[] }) {
  const [query, change] = useQuery();
  const text = query.get("q") ?? "";
  const found = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return profiles.filter((one) => words.every((word) => `${one.name} ${one.title} ${one.scheme} ${one.settings}`.toLowerCase().includes(word)));
  }, [profiles, text]);
  return (
    <div class="stack">
      <form class="choose" onSubmit={(event) => {
        event.preventDefault();
        if (found[0]) change({ profile: found[0].name, q: null });
      }}>
        <Field label="Who sends?">
          {(props) => <input class="input" type="search" {...props} placeholder="Stripe, GitHub, Modal, HMAC …" value={text} onInput={(event) => change({ q: event.currentTarget.value || null }, true)} />}
        </Field>
      </form>
      <ul class="profiles" aria-label="Senders">
        {found.map((one) => (
          <li key={one.name}>
            <a class="card profile" href={`/sources/~new?profile=${encodeURIComponent(one.name)}`}>
              <span class="profile-title"><strong>{one.title}</strong>{one.replay_safe ? <Badge tone="good">Replay-safe</Badge> : null}</span>
              <span class="soft">{one.scheme}</span>
            </a>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="none">No sender is called so. The profile <a href="/sources/~new?profile=hmac">hmac</a> takes a scheme of your own, and <a href="/sources/~new?profile=standard">standard</a> everything that signs as Standard Webhooks.</p>}
    </div>
  );
}

/** A secret of 32 bytes, in the form that the profile takes. */
function makeSecret(shape: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  if (/whsec/.test(shape) && !/or whsec/.test(shape)) return `whsec_${btoa(String.fromCharCode(...bytes))}`;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const SCHEME = `{
  "headers": ["x-signature"],
  "algorithm": "hmac-sha256",
  "formats": ["hex"],
  "content": "{body}"
}`;

function Form({ profile }: { profile: Profile }) {
  const all = useStore(applications) ?? [];
  const known = useStore(session);
  const application = useApplication();
  const [name, setName] = useState(profile.name);
  const [owner, setOwner] = useState(application ?? "");
  const [secret, setSecret] = useState("");
  const [made, setMade] = useState(false);
  const [scheme, setScheme] = useState(SCHEME);
  const [platform, setPlatform] = useState("");
  const custom = profile.name === "hmac";
  const unsigned = !profile.secret.needed && profile.name !== "fal";
  const wrong = custom ? objectError(scheme, "A scheme") : undefined;
  const wrongPlatform = platform.trim() ? objectError(platform, "A platform") : undefined;
  const save = useAction(async (key: string, wanted: string, body: string) => {
    // A PUT replaces: a source that is there already is not to be changed by this form.
    const there = await call("GET", path`/v1/sources/${wanted}`).then(() => true, (error) => {
      if (asFailure(error).kind === "missing") return false;
      throw error;
    });
    if (there) throw new Failure("invalid", `There is a source "${wanted}" already. Choose another name.`);
    await send("PUT", path`/v1/sources/${wanted}`, undefined, { text: body, key });
    go(`/sources/~new?wait=${encodeURIComponent(wanted)}`, true);
  });
  const submit = () => {
    const fields: Record<string, unknown> = { profile: profile.name, secrets: secret.trim() ? [secret.trim()] : [] };
    const chosen = owner || known?.application;
    if (chosen) fields["application"] = chosen;
    let text = JSON.stringify(fields).slice(0, -1);
    if (custom) text += `,"scheme":${scheme}`;
    if (platform.trim()) text += `,"platform":${platform}`;
    void save.run(name.trim(), `${text}}`);
  };
  return (
    <div class="form-beside">
      <form class="form" onSubmit={(event) => {
        event.preventDefault();
        if (!wrong && !wrongPlatform) submit();
      }}>
        <TextField label="Name" value={name} change={setName} required help={<>Part of the URL: <code>/in/<Text text={name || "name"} most={80} /></code></>} />
        {all.length > 1 && !known?.application && (
          <SelectField label="Application" value={owner} change={setOwner} choices={[{ value: "", title: "default" }, ...all.filter((one) => one.uid !== "default").map((one) => ({ value: one.id, title: one.name }))]} help="Its endpoints hear of what comes." />
        )}
        <div class="secret-field">
          <TextField label={`Secret: ${profile.secret.label}`} type={made ? "text" : "password"} value={secret} change={(value) => { setSecret(value); setMade(false); }}
            required={profile.secret.needed} help={<>{profile.secret.shape}.{!profile.secret.needed && " None is needed."}</>} />
          <Button onClick={() => { setSecret(makeSecret(profile.secret.shape)); setMade(true); }}>Make one</Button>
        </div>
        {made && <p class="notice warn"><span>Give this secret to the sender now: it is not shown again. <CopyButton text={secret} what="secret" /></span></p>}
        {custom && <AreaField label="Scheme" value={scheme} change={setScheme} rows={7} code help="How the sender signs: header, algorithm, format, and what is signed." error={wrong} />}
        {unsigned && <AreaField label="Platform" value={platform} change={setPlatform} rows={3} code placeholder={'{"kind": "runpod", "endpoint_id": "…", "secret": "…"}'} help="This sender does not sign. Its platform is asked before an end is believed." error={wrongPlatform} />}
        <ActionError failure={save.failure} />
        <div class="form-foot">
          <Button type="submit" kind="primary" busy={save.busy} disabled={!name.trim() || (profile.secret.needed && !secret.trim()) || wrong !== undefined}>Create and wait for the first request</Button>
          <a class="button" href="/sources/~new">Another sender</a>
        </div>
      </form>
      <About profile={profile} />
    </div>
  );
}

/** What is to be known of a sender. */
export function About({ profile }: { profile: Profile }) {
  return (
    <section class="card beside stack" aria-label={profile.title}>
      <h2>{profile.title}</h2>
      <dl class="about">
        <dt>Signature</dt><dd>{profile.scheme}</dd>
        <dt>Replay-safe</dt><dd>{profile.replay_safe ? "Yes: the time of signing is under the signature." : `No. ${profile.why_not ?? ""}`}</dd>
        <dt>Where it is set up</dt><dd><Sentence text={profile.settings} />{profile.docs_url && <> <a href={profile.docs_url} target="_blank" rel="noreferrer">Documentation</a></>}</dd>
      </dl>
    </section>
  );
}

function Waiting({ name, profiles }: { name: string; profiles: Profile[] }) {
  const thing = useThing(name, (signal) => get<KnownSource>(path`/v1/sources/${name}`, undefined, signal));
  if (!thing.value) return <NotYet of={thing} what="This source" />;
  const source = thing.value;
  return <WaitForFirst source={source} profile={profiles.find((one) => one.name === source.profile)} />;
}
