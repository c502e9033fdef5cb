// What the relay is given to do in the background, and examples.

import assert from "node:assert/strict";
import { World, ago, backgroundTask, endpoint, equal, eventually, every, finished, ids, newType, refused, seen } from "./ground.mjs";

export default {
  "endpoint.recover": async () => {
    const world = await World.make("heals");
    const made = await world.dead();
    const task = await endpoint.recover(world.app, world.endpoint, { since: ago(1) });
    equal(task.task, "endpoint.recover");
    await eventually("it arrived", async () => (await world.status(made.id)) === "success");
    await finished(task);
  },
  "endpoint.replay-missing": async () => {
    const world = await World.make(200, { eventTypes: ["other.type"] });
    const made = await world.send();
    await endpoint.patch(world.app, world.endpoint, { eventTypes: ["invoice.paid"] });
    const task = await endpoint.replayMissing(world.app, world.endpoint, { since: ago(1) });
    equal(task.task, "endpoint.replay");
    await eventually("it arrived", async () => (await world.status(made.id)) === "success");
    await finished(task);
  },
  "endpoint.bulk-replay": async () => {
    const world = await World.make();
    const made = [];
    for (let n = 0; n < 3; n++) made.push((await world.sent(n)).id);
    const task = await endpoint.bulkReplay(world.app, world.endpoint, { since: ago(1), eventTypes: ["invoice.paid"] });
    equal(task.task, "endpoint.bulk-replay");
    const heard = await seen(world.path, 6);
    await finished(task);
    equal(heard.map((one) => one.headers["webhook-id"]).sort(), [...made, ...made].sort());
  },
  "endpoint.send-example": async () => {
    const world = await World.make();
    const schema = { type: "object", properties: { n: { type: "integer" } }, examples: [{ n: 42 }] };
    const { name } = await newType({ schemas: { 1: schema } });
    equal((await endpoint.sendExample(world.app, world.endpoint, { eventType: name })).eventType, name);
    const [heard] = await seen(world.path);
    equal(JSON.parse(heard.body), { n: 42 });
  },
  "background-task.get": async () => {
    const world = await World.make();
    const task = await endpoint.recover(world.app, world.endpoint, { since: ago(1) });
    const shown = await finished(task);
    equal([shown.id, shown.task, typeof shown.data], [task.id, "endpoint.recover", "object"]);
    await refused(404, () => backgroundTask.get("qtask_nobody"));
  },
  "background-task.list": async () => {
    const world = await World.make();
    const made = [];
    for (let n = 1; n < 4; n++) made.push((await endpoint.recover(world.app, world.endpoint, { since: ago(n) })).id);
    const of = async (more) => every((part) => backgroundTask.list({ ...part, ...more }), 3);
    const up = ids(await of({ order: "ascending" }));
    equal(ids(await of({ order: "descending" })), up.toReversed());
    assert(made.every((task) => up.includes(task)));
    for (const one of await of({ task: "endpoint.recover" })) equal(one.task, "endpoint.recover");
  },
};
