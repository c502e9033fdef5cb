// Endpoints, their secrets, headers and numbers.

import assert from "node:assert/strict";
import { Webhook } from "svix";
import { HOOKS, World, ago, endpoint, equal, eventually, every, ids, refused, seen } from "./ground.mjs";

export default {
  "endpoint.create": async () => {
    const fields = { eventTypes: ["invoice.paid"], throttleRate: 50, channels: ["c"], metadata: { a: "b" }, description: "d" };
    const world = await World.make(200, fields);
    const shown = await endpoint.get(world.app, world.endpoint);
    for (const [name, value] of Object.entries(fields)) equal(shown[name], value);
    equal([shown.uid, shown.url, shown.disabled], ["hook", HOOKS + world.path, false]);
    await refused(409, () => endpoint.create(world.app, { url: HOOKS + world.path, uid: "hook" }));
  },
  "endpoint.get": async () => {
    const world = await World.make();
    equal(await endpoint.get(world.app, world.endpoint), await endpoint.get(world.uid, "hook"));
    const other = await World.make();
    await refused(404, () => endpoint.get(other.app, world.endpoint));
  },
  "endpoint.list": async () => {
    const world = await World.make();
    const made = [world.endpoint];
    for (let n = 0; n < 4; n++) made.push((await endpoint.create(world.app, { url: `${HOOKS}/200/${n}` })).id);
    const ask = (order) => (part) => endpoint.list(world.app, { ...part, order });
    equal(ids(await every(ask("ascending"))), made);
    equal(ids(await every(ask("descending"))), made.toReversed());
  },
  "endpoint.update": async () => {
    const world = await World.make(200, { eventTypes: ["a.b"] });
    const changed = await endpoint.upsert(world.app, "hook", { url: `${HOOKS}/200/o`, uid: "hook", eventTypes: ["c.d"] });
    equal([changed.id, changed.eventTypes, changed.url], [world.endpoint, ["c.d"], `${HOOKS}/200/o`]);
    equal((await endpoint.upsert(world.app, "new", { url: `${HOOKS}/200/new` })).uid, "new");
  },
  "endpoint.patch": async () => {
    const world = await World.make(200, { eventTypes: ["a.b"], throttleRate: 9 });
    const changed = await endpoint.patch(world.app, world.endpoint, { description: "changed", disabled: true });
    equal([changed.description, changed.disabled, changed.eventTypes, changed.throttleRate], ["changed", true, ["a.b"], 9]);
  },
  "endpoint.delete": async () => {
    const world = await World.make();
    await endpoint.delete(world.app, world.endpoint);
    await refused(404, () => endpoint.get(world.app, world.endpoint));
  },
  "endpoint.get-secret": async () => {
    const world = await World.make();
    assert((await endpoint.getSecret(world.app, world.endpoint)).key.startsWith("whsec_"));
    const secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const made = await endpoint.create(world.app, { url: `${HOOKS}/200/own`, secret });
    equal((await endpoint.getSecret(world.app, made.id)).key, secret);
  },
  "endpoint.rotate-secret": async () => {
    const world = await World.make();
    const old = (await endpoint.getSecret(world.app, world.endpoint)).key;
    const key = "whsec_" + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    await endpoint.rotateSecret(world.app, world.endpoint, { key });
    equal((await endpoint.getSecret(world.app, world.endpoint)).key, key);
    await world.send();
    const [heard] = await seen(world.path);
    for (const secret of [old, key]) new Webhook(secret).verify(heard.body, heard.headers);
  },
  "endpoint.get-headers": async () => {
    const world = await World.make();
    const shown = await endpoint.getHeaders(world.app, world.endpoint);
    equal([shown.headers, shown.sensitive], [{}, []]);
  },
  "endpoint.update-headers": async () => {
    const world = await World.make();
    const headers = { "x-team": "billing", authorization: "Bearer planted" };
    await endpoint.setHeaders(world.app, world.endpoint, { headers });
    const shown = await endpoint.getHeaders(world.app, world.endpoint);
    equal([shown.headers, shown.sensitive], [{ "x-team": "billing" }, ["authorization"]]);
    await world.send();
    const [heard] = await seen(world.path);
    equal([heard.headers["x-team"], heard.headers.authorization], ["billing", "Bearer planted"]);
    await refused(422, () => endpoint.setHeaders(world.app, world.endpoint, { headers: { "webhook-id": "forged" } }));
  },
  "endpoint.patch-headers": async () => {
    const world = await World.make();
    await endpoint.patchHeaders(world.app, world.endpoint, { headers: { "x-one": "1", "x-two": "2" } });
    await endpoint.patchHeaders(world.app, world.endpoint, { headers: { "x-two": "3" }, deleteHeaders: ["x-one"] });
    equal((await endpoint.getHeaders(world.app, world.endpoint)).headers, { "x-two": "3" });
  },
  "endpoint.get-stats": async () => {
    const world = await World.make();
    for (let n = 0; n < 3; n++) await world.sent(n);
    const count = (options) => endpoint.getStats(world.app, world.endpoint, options);
    await eventually("three are counted", async () => (await count()).success === 3);
    const { fail, pending, sending, canceled } = await count();
    equal([fail, pending, sending, canceled, (await count({ until: ago(1) })).success], [0, 0, 0, 0, 0]);
  },
};
