// The form of an event type. Its schema is JSON text.

import { useState } from "preact/hooks";
import { useAction } from "../core/action";
import { path, send } from "../core/api";
import { Confirm } from "./dialog";
import { AreaField, CheckField, TextField } from "./fields";
import { objectError } from "./json-error";
import { lines, members, sourceOf } from "./payload/json";

/** An event type as it was written: its schemas keep the digits of their numbers. */
export interface TypeText {
  name: string;
  description: string;
  groupName?: string | null;
  archived: boolean;
  deprecated: boolean;
  createdAt: string;
  updatedAt: string;
  /** Schemas by version, each as text, the newest first. */
  versions: [version: string, schema: string][];
}

/** Reads an event type from the text of an answer. */
export function typeOf(text: string): TypeText {
  const value = JSON.parse(text);
  const schemas = sourceOf(text, "schemas");
  const versions: [string, string][] = [];
  if (schemas && text[schemas.start] === "{")
    for (const one of members(text, schemas.start, 1000).list)
      versions.push([JSON.parse(text.slice(one.key, one.keyEnd)), lines(text.slice(one.start, one.end)).join("\n")]);
  versions.sort((one, other) => Number(other[0]) - Number(one[0]));
  return { ...value, versions };
}

export function EventTypeForm({ type, close, done }: { type?: TypeText; close: () => void; done: (name: string) => void }) {
  const [name, setName] = useState(type?.name ?? "");
  const [description, setDescription] = useState(type?.description ?? "");
  const [group, setGroup] = useState(type?.groupName ?? "");
  const [deprecated, setDeprecated] = useState(type?.deprecated ?? false);
  const [version, before] = type?.versions[0] ?? ["1", ""];
  const [schema, setSchema] = useState(before);
  const wrong = schema.trim() ? objectError(schema, "A schema") : undefined;
  const act = useAction(async (key: string, text: string) => {
    if (type) await send("PATCH", path`/api/v1/event-type/${type.name}`, undefined, { text, key });
    else await send("POST", "/api/v1/event-type", undefined, { text, key });
    done(name.trim());
  });
  const submit = () => {
    const fields = { ...(type ? {} : { name: name.trim() }), description, groupName: group.trim() || null, deprecated };
    let text = JSON.stringify(fields).slice(0, -1);
    if (schema !== before) {
      const all = [...(schema.trim() ? [[version, schema] as const] : []), ...(type?.versions.slice(1) ?? [])];
      text += `,"schemas":${all.length ? `{${all.map(([one, schema]) => `${JSON.stringify(one)}:${schema}`).join(",")}}` : "null"}`;
    }
    void act.run(`${text}}`);
  };
  return (
    <Confirm title={type ? "Edit the event type" : "New event type"} action={type ? "Save" : "Create"} wide close={close} act={act} disabled={!name.trim() || !description.trim() || wrong !== undefined} confirm={submit}>
        {!type && <TextField label="Name" value={name} change={setName} required placeholder="invoice.paid" help="Letters, digits, dots, dashes and underscores." />}
        <TextField label="Description" value={description} change={setDescription} required />
        <TextField label="Group" value={group} change={setGroup} help="Types of one group are listed together." />
        <AreaField label={type && type.versions.length > 1 ? `Schema, version ${version}` : "Schema"} value={schema} change={setSchema} rows={12} code
          placeholder={'{"type": "object", "properties": {}, "examples": [{}]}'} help="JSON Schema of the payload. Its examples are what a test sends." error={wrong} />
        <CheckField label="Deprecated" checked={deprecated} change={setDeprecated} help="It will go out of use." />
    </Confirm>
  );
}
