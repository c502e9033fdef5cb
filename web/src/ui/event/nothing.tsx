// Why a list of events is empty, and how the first one comes.

import { get, path } from "../../core/api";
import { count, line } from "../../core/format";
import { type Part, useThing } from "../../core/list";
import { changeQuery } from "../../core/router";
import { session } from "../../core/session";
import { Button, Code } from "../basics";
import type { Filter } from "../filters";
import { Empty } from "../states";
import { quoted } from "./commands";

const relay = () => session.value?.relay?.url ?? location.origin;

/** No event fits the filters: names those that exclude everything on their own. */
export function NothingFits({ filters, values, application }: { filters: Filter[]; values: Record<string, string | undefined>; application: string | undefined }) {
  const set = filters.filter((filter) => values[filter.name]);
  const clear = () => changeQuery(Object.fromEntries(set.map((filter) => [filter.name, null])));
  const alone = useThing<{ filter: Filter; searched: number | null }[]>(JSON.stringify([values, application]), async (signal) => {
    const found = await Promise.all(set.map(async (filter) => {
      const part = await get<Part<unknown>>("/v1/events", { [filter.name]: values[filter.name], application, limit: 1 }, signal);
      return part.data.length === 0 ? [{ filter, searched: part.done ? null : (part.scanned ?? 0) }] : [];
    }));
    return found.flat();
  });
  const source = set.length === 1 && set[0]?.name === "source" ? values["source"] : undefined;
  const words = (filter: Filter) => filter.choices?.find((one) => one.value === values[filter.name])?.title ?? values[filter.name] ?? "";
  return (
    <Empty title={source ? "Nothing has come from this source yet" : set.length > 1 ? "No event fits all filters" : "No event fits the filter"}>
      {set.length > 1 && alone.value && (alone.value.length > 0
        ? <ul class="excluders">{alone.value.map(({ filter, searched }) => <li key={filter.name}>{searched === null ? "Nothing" : `None of the newest ${count(searched)} events`} has the {filter.title.toLowerCase()} <strong><bdi>{line(words(filter), 80)}</bdi></strong>. <button type="button" class="link" onClick={() => changeQuery({ [filter.name]: null })}>Remove this filter</button></li>)}</ul>
        : <p>Each filter finds events on its own; no event fits all of them.</p>)}
      {source && <FromSource name={source} />}
      <Button onClick={clear}>{set.length > 1 ? "Clear filters" : "Clear the filter"}</Button>
    </Empty>
  );
}

function FromSource({ name }: { name: string }) {
  const source = useThing<{ profile: string }>(name, (signal) => get(path`/v1/sources/${name}`, undefined, signal));
  if (source.failure?.kind === "missing") return <p>There is no source of this name. <a href="/sources">Sources</a></p>;
  if (!source.value) return null;
  return (
    <>
      <p>Its sender posts to:</p>
      <Code text={`${relay()}/in/${encodeURIComponent(name)}`} what="address" />
      <p>A signed request as its sender makes it:</p>
      <Code text={`RELAY_URL=${quoted(relay())} relay trigger ${quoted(source.value.profile)} --source ${quoted(name)}`} />
    </>
  );
}

/** There is no event at all. */
export function NothingYet({ application }: { application: string | undefined }) {
  const sources = useThing<{ data: { name: string; profile: string; application: string; application_id: string }[] }>("sources", (signal) => get("/v1/sources", { limit: 250 }, signal));
  const source = sources.value?.data.find((one) => !application || [one.application, one.application_id].includes(application));
  return (
    <Empty title="No event has come yet">
      <p>Events appear here the moment that they arrive. Publish one:</p>
      <Code text={`curl -sS ${quoted(`${relay()}/api/v1/app/${application ?? "default"}/msg`)} -H "Authorization: Bearer $RELAY_KEY" \\\n  -H 'content-type: application/json' -d '{"eventType":"invoice.paid","payload":{"id":"in_1"}}'`} />
      {source && <><p>Or send a signed request, as the sender of the source does:</p><Code text={`RELAY_URL=${quoted(relay())} relay trigger ${quoted(source.profile)} --source ${quoted(source.name)}`} /></>}
      {sources.value && !source && <p>Or <a href="/sources">make a source</a>, to which a sender posts.</p>}
    </Empty>
  );
}
