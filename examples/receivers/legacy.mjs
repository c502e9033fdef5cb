// Verifies what the relay sends in the five systems' own formats. Copy the function you need; Node alone is enough.
//
// Each function takes the raw body (a Buffer, before anything parses it: `express.raw({ type: "*/*" })`), the headers with
// lower-case names as Node has them, and the secret. It returns whether the request is genuine and never throws.
//
// Prefer Standard Webhooks (`standard.mjs`), whose signature covers id and time, so that a captured request cannot be sent
// again later. Every request of the relay carries those headers too.
import { createHmac, timingSafeEqual } from "node:crypto";

function holds(secret, signed, received, prefix) {
  if (typeof received !== "string" || !received.startsWith(prefix)) return false;
  const mac = createHmac("sha256", secret);
  for (const part of signed) mac.update(part);
  const expected = Buffer.from(mac.digest("hex"));
  const given = Buffer.from(received.slice(prefix.length));
  // timingSafeEqual throws if the lengths differ.
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function recent(timestamp, past, future) {
  if (typeof timestamp !== "string" || !/^[0-9]{1,12}$/.test(timestamp)) return false;
  const age = Date.now() / 1000 - Number(timestamp);
  return -future <= age && age <= past;
}

/** Profile `hokusai` (R2.4): bare hex. */
export function hokusai(body, headers, secret) {
  return holds(secret, [body], headers["x-hokusai-signature"], "");
}

/** Profile `hokusai-prefixed` (S2.1): `sha256=` before it. */
export function hokusai_prefixed(body, headers, secret) {
  return holds(secret, [body], headers["x-hokusai-signature"], "sha256=");
}

/** Profile `hokusai-deltaone` (S2.1): time and nonce are signed as well. */
export function hokusai_deltaone(body, headers, secret) {
  const [timestamp, nonce] = [headers["x-hokusai-timestamp"], headers["x-hokusai-nonce"]];
  if (!nonce || !recent(timestamp, 300, 300)) return false;
  return holds(secret, [`${timestamp}.${nonce}.`, body], headers["x-hokusai-signature"], "sha256=");
}

/** Profile `batch` (R3.4). The time is not signed, so keep the ids of what you have had. */
export function batch(body, headers, secret) {
  if (!recent(headers["x-webhook-timestamp"], 300, 60)) return false;
  return holds(secret, [body], headers["x-webhook-signature"], "sha256=");
}

/** Profile `wepp` (R4.12). */
export function wepp(body, headers, secret) {
  return holds(secret, [body], headers["x-webhook-signature"], "sha256=");
}

/** Profile `omtx-out` (S0.14). The time in X-OMTX-Timestamp is not signed, so it says nothing. */
export function omtx(body, headers, secret) {
  return holds(secret, [body], headers["x-omtx-signature"], "sha256=");
}
