// Event types.

import assert from "node:assert/strict";
import { equal, eventType, every, newType, refused, unique } from "./ground.mjs";

export default {
  "event-type.create": async () => {
    const schemas = { 1: { type: "object", title: "T" } };
    const made = await newType({ schemas, groupName: "billing", featureFlags: ["beta"] });
    equal([made.description, made.schemas, made.groupName, made.featureFlags], ["d", schemas, "billing", ["beta"]]);
    equal([made.archived, made.deprecated], [false, false]);
    await refused(409, () => eventType.create({ name: made.name, description: "d" }));
  },
  "event-type.get": async () => {
    const made = await newType();
    equal(await eventType.get(made.name), made);
    await refused(404, () => eventType.get("nobody.knows"));
  },
  "event-type.list": async () => {
    const made = [];
    for (let n = 0; n < 3; n++) made.push((await newType({ schemas: { 1: { type: "object" } } })).name);
    const names = async (more) => (await every((part) => eventType.list({ ...part, ...more }), 4)).map((one) => one.name);
    const up = await names({ order: "ascending" });
    equal(await names({ order: "descending" }), up.toReversed());
    assert(made.every((name) => up.includes(name)));
    const full = await every((part) => eventType.list({ ...part, withContent: true }), 50);
    equal(full.find((one) => one.name === made[0]).schemas, { 1: { type: "object" } });
  },
  "event-type.update": async () => {
    const made = await newType();
    const changed = await eventType.upsert(made.name, { description: "changed", deprecated: true });
    equal([changed.description, changed.deprecated], ["changed", true]);
    equal((await eventType.upsert(`${made.name}.new`, { description: "new" })).description, "new");
  },
  "event-type.patch": async () => {
    const made = await newType({ groupName: "g" });
    const changed = await eventType.patch(made.name, { description: "changed" });
    equal([changed.description, changed.groupName], ["changed", "g"]);
  },
  "event-type.delete": async () => {
    const made = await newType();
    await eventType.delete(made.name);
    const left = (await every((part) => eventType.list(part), 50)).map((one) => one.name);
    assert(!left.includes(made.name));
    const other = await newType();
    await eventType.delete(other.name, { expunge: true });
    await refused(404, () => eventType.get(other.name));
  },
  "event-type.import-openapi": async () => {
    const name = `imported.${unique()}`;
    const content = { "application/json": { schema: { type: "object", properties: { id: { type: "string" } } } } };
    const post = { description: "It came in.", requestBody: { content }, responses: { 200: { description: "ok" } } };
    const spec = { openapi: "3.1.0", info: { title: "T", version: "1" }, webhooks: { [name]: { post } } };
    const dry = await eventType.importOpenapi({ spec, dryRun: true });
    await refused(404, () => eventType.get(name));
    const told = await eventType.importOpenapi({ spec });
    equal([dry.data.modified, told.data.modified], [[name], [name]]);
    equal((await eventType.get(name)).description, "It came in.");
  },
};
