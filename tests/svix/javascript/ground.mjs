// What every check stands on: the relay's client, the subscriber, an application of its own.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ApiException, Svix } from "svix";

export const { RELAY_URL: URL, RELAY_KEY: KEY, HOOKS_URL: HOOKS } = process.env;
export const svix = new Svix(KEY, { serverUrl: URL });
export const asPortal = (token) => new Svix(token, { serverUrl: URL });
export const { application, endpoint, eventType, message, messageAttempt, backgroundTask, authentication, health } = svix;
export const equal = assert.deepEqual;
export const unique = () => randomUUID().replaceAll("-", "");
export const ago = (hours) => new Date(Date.now() - hours * 3600_000);

export async function control(what, about) {
  const answer = await fetch(`${HOOKS}/control/${what}?${new URLSearchParams(about)}`);
  assert(answer.ok, await answer.clone().text());
  return answer.json();
}

export async function eventually(what, condition, seconds = 25) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    assert(Date.now() < deadline, `not within ${seconds} s: ${what}`);
    await new Promise((on) => setTimeout(on, 100));
  }
}

export const seen = (path, count = 1) =>
  eventually(`${count} at ${path}`, async () => {
    const heard = await control("seen", { path });
    return heard.length >= count && heard;
  });

// An application of its own, and a subscriber.
export class World {
  static async make(status = 200, fields = {}) {
    const world = new World();
    world.uid = `app-${unique()}`;
    world.app = (await application.create({ name: "Acme", uid: world.uid })).id;
    world.path = `/${status}/${world.uid}`;
    world.endpoint = (await endpoint.create(world.app, { url: HOOKS + world.path, uid: "hook", ...fields })).id;
    return world;
  }

  send(n = 1, more = {}) {
    return message.create(this.app, { eventType: "invoice.paid", payload: { n }, ...more });
  }

  async sent(n = 1, more = {}) {
    const made = await this.send(n, more);
    await this.attempts(made.id);
    return made;
  }

  attempts(msg) {
    return eventually("an attempt", async () => {
      const { data } = await messageAttempt.listByMsg(this.app, msg, { withContent: true });
      return data.length > 0 && data;
    });
  }

  async status(msg) {
    return (await messageAttempt.listAttemptedDestinations(this.app, msg)).data[0]?.statusText;
  }

  async dead() {
    await control("impatient", { app: this.app, endpoint: this.endpoint });
    const made = await this.send();
    await eventually("it is spent", async () => (await this.status(made.id)) === "fail");
    await control("heal", { path: this.path });
    return made;
  }
}

export async function refused(code, call) {
  try {
    await call();
  } catch (error) {
    assert(error instanceof ApiException, `${error}`);
    equal(error.code, code);
    return error;
  }
  assert.fail(`${code} was not thrown`);
}

export async function every(ask, limit = 2) {
  const found = [];
  let iterator;
  for (let parts = 0; parts < 50; parts++) {
    const part = await ask({ limit, iterator });
    assert(part.data.length <= limit);
    found.push(...part.data);
    if (part.done) return found;
    iterator = part.iterator;
  }
  assert.fail("it does not end");
}

export const finished = (task) =>
  eventually(`${task.task} is through`, async () => {
    const shown = await backgroundTask.get(task.id);
    return shown.status === "finished" && shown;
  }, 60);

export const newType = (more = {}) => eventType.create({ name: `type.${unique()}`, description: "d", ...more });
export const ids = (list) => list.map((one) => one.id);
