// What is not one operation's: keys, iterators, errors, uids, payloads that are not JSON, signatures.

import assert from "node:assert/strict";
import { Svix, Webhook, messageInRaw } from "svix";
import { HOOKS, URL, World, application, endpoint, equal, ids, message, messageAttempt, refused, seen, unique } from "./ground.mjs";

export default {
  "idempotency-key": async () => {
    const world = await World.make();
    const idempotencyKey = unique();
    const send = (n) => message.create(world.app, { eventType: "a.b", payload: { n } }, { idempotencyKey });
    equal((await send(1)).id, (await send(1)).id);
    await refused(422, () => send(2));
    const make = () => application.create({ name: "Once" }, { idempotencyKey });
    equal((await make()).id, (await make()).id);
    const hook = () => endpoint.create(world.app, { url: `${HOOKS}/200/once` }, { idempotencyKey });
    equal((await hook()).id, (await hook()).id);
  },
  "iterate-to-the-end": async () => {
    const world = await World.make();
    const made = [];
    for (let n = 0; n < 5; n++) made.unshift((await world.send(n)).id);
    const parts = [await message.list(world.app, { limit: 2 })];
    while (!parts.at(-1).done) parts.push(await message.list(world.app, { limit: 2, iterator: parts.at(-1).iterator }));
    equal(parts.flatMap((part) => ids(part.data)), made);
    const back = [parts.at(-1)];
    do back.unshift(await message.list(world.app, { limit: 2, iterator: back[0].prevIterator }));
    while (!back[0].done);
    equal(back.flatMap((part) => ids(part.data)), made);
  },
  "errors-are-the-sdk's-own": async () => {
    const missing = await refused(404, () => application.get("nobody"));
    assert(missing.body.code === "not_found" && missing.body.detail, JSON.stringify(missing.body));
    const uid = unique();
    await application.create({ name: "Acme", uid });
    const conflict = await refused(409, () => application.create({ name: "Acme", uid }));
    assert(conflict.body.code && conflict.body.detail);
    const bad = await refused(422, () => application.create({ name: "Acme", uid: "not a uid!" }));
    equal(bad.body.detail[0].loc, ["body", "uid"]);
    assert(bad.body.detail[0].msg && bad.body.detail[0].type);
    const stranger = await refused(401, () => new Svix("rk_x_y", { serverUrl: URL }).application.list());
    assert(stranger.body.code === "authentication_failed" && stranger.body.detail);
  },
  "uids-in-place-of-ids": async () => {
    const world = await World.make();
    await message.create(world.uid, { eventType: "a.b", payload: {}, eventId: "mine" });
    await seen(world.path);
    const made = await message.get(world.uid, "mine");
    equal((await endpoint.get(world.uid, "hook")).id, world.endpoint);
    const [attempt] = await world.attempts("mine");
    equal((await messageAttempt.listByEndpoint(world.uid, "hook")).data[0].id, attempt.id);
    equal((await messageAttempt.listAttemptedMessages(world.uid, "hook")).data[0].id, made.id);
    equal((await messageAttempt.listAttemptedDestinations(world.uid, "mine")).data[0].id, world.endpoint);
    equal((await messageAttempt.get(world.uid, "mine", attempt.id)).id, attempt.id);
    await messageAttempt.resend(world.uid, "mine", "hook");
    await seen(world.path, 2);
    equal(await endpoint.getSecret(world.uid, "hook"), await endpoint.getSecret(world.app, world.endpoint));
    await message.expungeContent(world.uid, "mine");
    await endpoint.delete(world.uid, "hook");
    await application.delete(world.uid);
    await refused(404, () => application.get(world.app));
  },
  "raw-payload": async () => {
    const world = await World.make();
    await message.create(world.app, messageInRaw("a.b", '<a b="1" />', "text/xml"));
    const [heard] = await seen(world.path);
    equal([heard.body, heard.headers["content-type"]], ['<a b="1" />', "text/xml"]);
  },
  "webhook.verify": async () => {
    const world = await World.make();
    const { key } = await endpoint.getSecret(world.app, world.endpoint);
    await world.send(7);
    const [{ body, headers }] = await seen(world.path);
    equal(new Webhook(key).verify(body, headers) ?? JSON.parse(body), { n: 7 });
    for (const [said, under] of [
      [`${body} `, headers],
      [body, { ...headers, "webhook-id": "msg_other" }],
      [body, { ...headers, "webhook-timestamp": "1700000000" }],
    ])
      assert.throws(() => new Webhook(key).verify(said, under));
  },
};
