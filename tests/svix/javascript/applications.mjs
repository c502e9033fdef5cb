// Applications, and what is asked for an application alone.

import assert from "node:assert/strict";
import { World, application, asPortal, authentication, equal, every, health, ids, refused, unique } from "./ground.mjs";

export default {
  "application.create": async () => {
    const given = { name: "Acme", uid: unique(), metadata: { a: "b" }, throttleRate: 7 };
    const made = await application.create(given);
    assert(made.id.startsWith("app_") && made.createdAt instanceof Date);
    equal([made.name, made.uid, made.metadata, made.throttleRate], [given.name, given.uid, given.metadata, 7]);
    await refused(409, () => application.create(given));
  },
  "application.get-or-create": async () => {
    const given = { name: "Acme", uid: unique() };
    equal(await application.getOrCreate(given), await application.getOrCreate(given));
  },
  "application.get": async () => {
    const world = await World.make();
    equal(await application.get(world.app), await application.get(world.uid));
    await refused(404, () => application.get("nobody"));
  },
  "application.list": async () => {
    const made = [];
    for (let n = 0; n < 3; n++) made.push((await World.make()).app);
    const ask = (order) => (part) => application.list({ ...part, order });
    const up = ids(await every(ask("ascending"), 5));
    equal(ids(await every(ask("descending"), 5)), up.toReversed());
    equal(up.filter((app) => made.includes(app)), made);
  },
  "application.update": async () => {
    const world = await World.make();
    const changed = await application.upsert(world.uid, { name: "Beta", uid: world.uid });
    equal([changed.id, changed.name], [world.app, "Beta"]);
    const uid = unique();
    equal((await application.upsert(uid, { name: "New", uid })).uid, uid);
  },
  "application.patch": async () => {
    const world = await World.make();
    const changed = await application.patch(world.app, { metadata: { x: "y" } });
    equal([changed.name, changed.uid, changed.metadata], ["Acme", world.uid, { x: "y" }]);
  },
  "application.delete": async () => {
    const world = await World.make();
    await application.delete(world.app);
    await refused(404, () => application.get(world.app));
    await refused(404, () => world.send());
  },
  "authentication.app-portal-access": async () => {
    const [world, other] = [await World.make(), await World.make()];
    const access = await authentication.appPortalAccess(world.app, { featureFlags: ["beta"] });
    assert(access.url.includes("/portal#code=rc_"), access.url);
    const portal = asPortal(access.token);
    equal((await portal.endpoint.get(world.app, "hook")).id, world.endpoint);
    await refused(404, () => portal.endpoint.get(other.app, "hook"));
    await refused(403, () => portal.application.delete(world.app));
    const looks = asPortal((await authentication.appPortalAccess(world.app, { readOnly: true })).token);
    await refused(403, () => looks.endpoint.delete(world.app, "hook"));
  },
  "authentication.logout": async () => {
    const world = await World.make();
    const portal = asPortal((await authentication.appPortalAccess(world.app, {})).token);
    await portal.authentication.logout();
    await refused(401, () => portal.endpoint.get(world.app, "hook"));
    // A key stays.
    await authentication.logout();
    equal((await application.get(world.app)).id, world.app);
  },
  "authentication.expire-all": async () => {
    const world = await World.make();
    const portal = asPortal((await authentication.appPortalAccess(world.app, { sessionId: "ann" })).token);
    await authentication.expireAll(world.app, { sessionIds: ["bob"] });
    equal((await portal.endpoint.get(world.app, "hook")).id, world.endpoint);
    await authentication.expireAll(world.app, {});
    await refused(401, () => portal.endpoint.get(world.app, "hook"));
  },
  "health.get": async () => {
    await health.get();
  },
};
