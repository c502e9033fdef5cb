// Messages, and what they said until it is removed.

import assert from "node:assert/strict";
import { World, ago, application, equal, eventType, every, finished, ids, message, messageAttempt, refused, seen, unique } from "./ground.mjs";

export default {
  "message.create": async () => {
    const world = await World.make();
    const made = await world.send(1, { eventId: "mine", channels: ["c"], tags: ["t"], payloadRetentionHours: 48 });
    equal([made.eventId, made.channels, made.tags, made.payload], ["mine", ["c"], ["t"], {}]);
    assert(made.id.startsWith("msg_") && made.timestamp instanceof Date);
    const [heard] = await seen(world.path);
    equal([JSON.parse(heard.body), heard.headers["webhook-id"]], [{ n: 1 }, made.id]);
    const shown = await message.create(world.app, { eventType: "a.b", payload: { n: 2 } }, { withContent: true });
    equal(shown.payload, { n: 2 });
    const uid = `inline-${unique()}`;
    await message.create(uid, { eventType: "a.b", payload: {}, application: { name: "Inline", uid } });
    equal((await application.get(uid)).name, "Inline");
  },
  "message.get": async () => {
    const world = await World.make();
    const made = await world.send(1, { eventId: "mine" });
    for (const name of [made.id, "mine"]) {
      const shown = await message.get(world.app, name, { withContent: true });
      equal([shown.id, shown.payload], [made.id, { n: 1 }]);
    }
    const other = await World.make();
    await refused(404, () => message.get(other.app, made.id));
  },
  "message.list": async () => {
    const world = await World.make();
    const made = [];
    for (let n = 0; n < 5; n++) made.push((await world.send(n, { channels: [n % 2 ? "odd" : "even"], tags: [`t${n}`] })).id);
    const other = (await world.send(9, { eventType: "other.type" })).id;
    const of = async (more) => ids(await every((part) => message.list(world.app, { ...part, ...more })));
    equal(await of({}), [other, ...made.toReversed()]);
    equal(await of({ channel: "odd" }), [made[3], made[1]]);
    equal([await of({ tag: "t4" }), await of({ eventTypes: ["other.type"] })], [[made[4]], [other]]);
    equal([await of({ before: ago(1) }), (await of({ after: ago(1) })).length], [[], 6]);
    const { data } = await message.list(world.app, { limit: 2, withContent: true });
    equal(data.map((one) => one.payload), [{ n: 9 }, { n: 4 }]);
  },
  "message.precheck": async () => {
    const world = await World.make(200, { eventTypes: ["invoice.paid"] });
    const ask = async (eventType) => (await message.precheck(world.app, { eventType })).active;
    equal([await ask("invoice.paid"), await ask("other.type")], [true, false]);
  },
  "message.expunge-content": async () => {
    const world = await World.make();
    const made = await world.sent();
    await message.expungeContent(world.app, made.id);
    equal((await message.get(world.app, made.id, { withContent: true })).payload, { expired: true });
    await refused(409, () => messageAttempt.resend(world.app, made.id, world.endpoint));
  },
  "message.bulk-expunge-content": async () => {
    const world = await World.make();
    const made = await world.sent();
    const { results } = await message.bulkExpungeContent(world.app, { ids: [made.id, "nobody"] });
    equal(results, { [made.id]: "expunged", nobody: "not-found" });
  },
  "message.expunge-all-contents": async () => {
    const world = await World.make();
    const made = [await world.sent(1), await world.sent(2)];
    const task = await message.expungeAllContents(world.app);
    equal(task.task, "application.purge_content");
    await finished(task);
    for (const { id } of made) equal((await message.get(world.app, id, { withContent: true })).payload, { expired: true });
  },
};
