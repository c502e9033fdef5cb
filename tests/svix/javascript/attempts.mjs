// Attempts, by message and by endpoint.

import assert from "node:assert/strict";
import { HOOKS, World, ago, endpoint, equal, eventually, every, ids, messageAttempt, refused, seen } from "./ground.mjs";

export default {
  "message-attempt.list-by-endpoint": async () => {
    const world = await World.make();
    const made = [];
    for (let n = 0; n < 3; n++) made.push((await world.sent(n, { channels: ["c"], tags: n ? ["t"] : undefined })).id);
    const ask = (more) => messageAttempt.listByEndpoint(world.app, world.endpoint, more);
    const of = async (more) => (await every((part) => ask({ ...part, ...more }))).map((one) => one.msgId);
    equal(await of({}), made.toReversed());
    equal([(await of({ channel: "c" })).length, (await of({ tag: "t" })).length, await of({ eventTypes: ["x"] })], [3, 2, []]);
    equal([(await of({ status: 0 })).length, await of({ status: 2 }), (await of({ statusCodeClass: 200 })).length], [3, [], 3]);
    equal([await of({ before: ago(1) }), (await of({ after: ago(1) })).length], [[], 3]);
    const [one] = (await ask({ withMsg: true, withContent: true })).data;
    equal([one.msg.id, one.response, one.status, one.triggerType, one.statusText], [made[2], "answered", 0, 0, "success"]);
    const part = await ask({ limit: 2 });
    const there = await ask({ limit: 2, iterator: part.iterator });
    equal(ids((await ask({ limit: 2, iterator: there.prevIterator })).data), ids(part.data));
  },
  "message-attempt.list-by-msg": async () => {
    const world = await World.make(500);
    const made = await world.sent(1, { eventId: "mine" });
    const late = (await endpoint.create(world.app, { url: `${HOOKS}/200/late`, uid: "late" })).id;
    const ask = async (more) => (await messageAttempt.listByMsg(world.app, "mine", more)).data;
    equal([(await ask({}))[0].msgId, await ask({ endpointId: late })], [made.id, []]);
    assert((await ask({ endpointId: "hook", status: 2, statusCodeClass: 500 })).length > 0);
    equal([await ask({ status: 0 }), (await ask({}))[0].response], [[], ""]);
    equal((await ask({ withContent: true }))[0].response, "answered");
  },
  "message-attempt.list-attempted-messages": async () => {
    const world = await World.make();
    const made = [];
    for (let n = 0; n < 3; n++) made.push((await world.sent(n)).id);
    const of = (more) => every((part) => messageAttempt.listAttemptedMessages(world.app, "hook", { ...part, ...more }));
    equal(ids(await of({})), made.toReversed());
    equal((await of({ withContent: true })).map((one) => [one.payload.n, one.status]), [[2, 0], [1, 0], [0, 0]]);
    equal([(await of({ status: 0 })).length, await of({ status: 1 }), await of({ tag: "t" })], [3, [], []]);
  },
  "message-attempt.list-attempted-destinations": async () => {
    const world = await World.make(500);
    await endpoint.create(world.app, { url: `${HOOKS}/200/second-${world.uid}`, uid: "second" });
    const made = await world.sent();
    const all = () => every((part) => messageAttempt.listAttemptedDestinations(world.app, made.id, part), 1);
    const stands = await eventually("both were tried", async () => {
      const found = Object.fromEntries((await all()).map((one) => [one.uid, one]));
      return found.hook?.statusText === "sending" && found.second?.statusText === "success" && found;
    });
    equal([stands.hook.nextAttempt instanceof Date, Boolean(stands.second.nextAttempt)], [true, false]);
  },
  "message-attempt.get": async () => {
    const world = await World.make();
    const made = await world.sent();
    const [attempt] = await world.attempts(made.id);
    const shown = await messageAttempt.get(world.app, made.id, attempt.id);
    assert(shown.id.startsWith("atmpt_") && shown.timestamp instanceof Date);
    equal([shown.id, shown.msgId, shown.endpointId], [attempt.id, made.id, world.endpoint]);
    equal([shown.url, shown.responseStatusCode, shown.response], [HOOKS + world.path, 200, "answered"]);
    await refused(404, () => messageAttempt.get(world.app, made.id, "atmpt_nobody"));
  },
  "message-attempt.expunge-content": async () => {
    const world = await World.make();
    const made = await world.sent();
    const [attempt] = await world.attempts(made.id);
    await messageAttempt.expungeContent(world.app, made.id, attempt.id);
    const shown = await messageAttempt.get(world.app, made.id, attempt.id);
    equal([shown.response, shown.responseStatusCode], ["EXPUNGED", 200]);
  },
  "message-attempt.resend": async () => {
    const world = await World.make();
    const made = await world.sent();
    await messageAttempt.resend(world.app, made.id, world.endpoint);
    const heard = await seen(world.path, 2);
    equal(heard.map((one) => one.headers["webhook-id"]), [made.id, made.id]);
  },
};
