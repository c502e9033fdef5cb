// API keys: who has one, what it may do, when it was last used. A key is shown once, when it is made.

import { useEffect, useState } from "preact/hooks";
import { useAction } from "../core/action";
import { get, path, send } from "../core/api";
import { line } from "../core/format";
import { type Part, useList } from "../core/list";
import { useQuery, useTitle } from "../core/router";
import { applicationName, applications, useApplication } from "../core/scope";
import { may, session } from "../core/session";
import { useStore } from "../core/store";
import type { Key } from "../core/types";
import { Button, Code, Head, Id, Tag, Text, When } from "../ui/basics";
import { Confirm, Dialog } from "../ui/dialog";
import { SelectField, TextField } from "../ui/fields";
import { ActionError, Empty, Further, Ready } from "../ui/states";
import { type Column, Table } from "../ui/table";

/** Last use is told from the relay's version with figures of keys on. */
type KeyRow = Key & { last_used_at?: string | null };

const SCOPES: Record<string, string> = {
  read: "Reads everything but secrets",
  publish: "Reads, publishes messages, registers jobs and batches",
  admin: "Does everything",
};

export default function Keys() {
  useTitle("Keys");
  const [query, change] = useQuery();
  const chosen = useApplication();
  useStore(applications);
  const list = useList<KeyRow>("keys", (iterator, signal) => get<Part<KeyRow>>("/v1/keys", { iterator, limit: 100 }, signal), (key) => key.id);
  const [revoked, setRevoked] = useState<KeyRow | null>(null);
  const creates = query.get("new") === "1";
  const admin = may("admin");
  const rows = chosen ? list.rows.filter((key) => key.application === chosen) : list.rows;
  const columns: Column<KeyRow>[] = [
    { key: "name", title: "Name", width: "minmax(160px, 2fr)", narrow: "main", render: (key) => <Text text={key.name} /> },
    { key: "scope", title: "Scope", width: "90px", narrow: "side", render: (key) => <Tag title={SCOPES[key.scope]}>{key.scope}</Tag> },
    { key: "application", title: "Application", width: "minmax(90px, 1fr)", narrow: "sub", render: (key) => (key.application ? <Text text={applicationName(key.application)} /> : <span class="faint">all</span>) },
    { key: "used", title: "Last used", width: "90px", render: (key) => (key.last_used_at ? <When at={key.last_used_at} /> : <span class="faint">{key.last_used_at === null ? "not yet" : "not known"}</span>) },
    { key: "made", title: "Created", width: "110px", from: 770, render: (key) => <When at={key.created_at} /> },
    { key: "id", title: "Id", width: "minmax(120px, 1fr)", from: 910, render: (key) => <Id id={key.id} copy /> },
    { key: "act", title: "Actions", width: "84px", narrow: "subside", align: "end", render: (key) => (
      <button type="button" class="link bad" disabled={!admin} title={admin ? undefined : "Revoking needs the scope admin"} aria-label={`Revoke the key ${line(key.name, 60)}`} onClick={() => setRevoked(key)}>Revoke</button>
    ) },
  ];
  return (
    <>
      <Head title="Keys" side={<Button icon="plus" kind="primary" disabled={!admin} title={admin ? undefined : "Creating a key needs the scope admin"} onClick={() => change({ new: "1" })}>Create key</Button>}>
        A key lets a program into the API. The administrator's key and <a href="/status">sessions</a> of this page are not listed.
      </Head>
      <Ready of={list} loaded={list.loaded} what="The list of keys" />
      {list.loaded && rows.length === 0 && !list.more && (
        <Empty title={chosen && list.rows.length ? "No key is bound to this application" : "There is no key yet"}>
          <p>A service that publishes or asks gets a key of its own, with the smallest scope that suffices.</p>
          {chosen && list.rows.length > 0 && <Button onClick={() => change({ application: null })}>Show all keys</Button>}
        </Empty>
      )}
      {list.loaded && (rows.length > 0 || list.more) && (
        <Table label="Keys" columns={columns} rows={rows} id={(key) => key.id}
          foot={<Further of={list} found={rows.length} noun="keys" />} />
      )}
      {creates && admin && <Create close={() => change({ new: null }, true)} made={list.refresh} application={chosen} />}
      {revoked && <Revoke of={revoked} close={() => setRevoked(null)} done={() => { list.change((all) => all.filter((key) => key.id !== revoked.id)); setRevoked(null); }} />}
    </>
  );
}

function Create({ close, made, application }: { close: () => void; made: () => void; application: string | undefined }) {
  const all = useStore(applications) ?? [];
  const known = useStore(session);
  const [name, setName] = useState("");
  const [scope, setScope] = useState("read");
  const [bound, setBound] = useState(application ?? "");
  const [key, setKey] = useState("");
  const act = useAction(async (once, body: { name: string; scope: string; application?: string }) => {
    const created = await send<{ key: string }>("POST", "/v1/keys", body, { key: once });
    setKey(created.key);
    made();
  });
  // A key that was made is seen once: the page is not left by accident.
  useEffect(() => {
    if (!key) return;
    const stay = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", stay);
    return () => window.removeEventListener("beforeunload", stay);
  }, [key]);
  if (key)
    return (
      <Dialog title="The key, shown once" close={() => undefined}>
        <div class="form">
          <p>Copy it now. The relay keeps a hash of it, and cannot show it again.</p>
          <Code text={key} what="key" />
          <div class="dialog-foot"><Button kind="primary" onClick={close}>I have copied it</Button></div>
        </div>
      </Dialog>
    );
  return (
    <Dialog title="Create a key" close={close}>
      <form onSubmit={(event) => {
        event.preventDefault();
        void act.run({ name: name.trim(), scope, application: known?.application ? undefined : bound || undefined });
      }}>
        <TextField label="Name" value={name} change={setName} required placeholder="billing-service" help="For people: who uses it." />
        <SelectField label="Scope" value={scope} change={setScope} choices={Object.keys(SCOPES).map((one) => ({ value: one, title: one }))} help={SCOPES[scope]} />
        {known?.application ? (
          <p class="help">The key sees the application <Text text={applicationName(known.application)} /> only, as this session does.</p>
        ) : (
          <SelectField label="Application" value={bound} change={setBound} help="A key of one application sees nothing of the others."
            choices={[{ value: "", title: "All applications" }, ...all.map((one) => ({ value: one.id, title: line(one.name, 60) }))]} />
        )}
        <ActionError failure={act.failure} />
        <div class="dialog-foot">
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" kind="primary" busy={act.busy} disabled={!name.trim()}>Create key</Button>
        </div>
      </form>
    </Dialog>
  );
}

function Revoke({ of, close, done }: { of: KeyRow; close: () => void; done: () => void }) {
  const act = useAction(async () => {
    await send("DELETE", path`/v1/keys/${of.id}`);
    done();
  });
  // A name that cannot be typed is confirmed by the key's id.
  const typed = line(of.name, 60) === of.name && of.name.trim() === of.name ? of.name : of.id;
  return (
    <Confirm title="Revoke the key?" action="Revoke" kind="danger" typed={typed} act={act} confirm={() => void act.run()} close={close}>
      <p>Programs that use <strong><Text text={of.name} most={80} /></strong> are refused from now on, and the sessions and live connections that were made with it end. This cannot be undone.</p>
    </Confirm>
  );
}
