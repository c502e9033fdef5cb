// The Node libraries, asked line by line: {library, act: "sign" | "verify", secret, headers, body_base64, …} on
// standard input; {accepted, kind, reason} or {headers} or {failed} on standard output, one line for each.
import { createHmac, createPublicKey, timingSafeEqual, verify as verifies } from "node:crypto";
import { createInterface } from "node:readline";

import { sign, verify } from "@octokit/webhooks-methods";
import { LogSeverity, shopifyApi } from "@shopify/shopify-api";
import "@shopify/shopify-api/adapters/node";
import { createSHA256HMAC } from "@shopify/shopify-api/runtime";
import * as standardwebhooks from "standardwebhooks";
import * as svix from "svix";

const accepted = { accepted: true, kind: null, reason: null };
const refused = (kind, reason) => ({ accepted: false, kind, reason });

// Both have one class that signs and verifies.
const standard = ({ Webhook }, prefix) => ({
  sign: ({ secret, id, at, body }) => ({
    [`${prefix}-id`]: id,
    [`${prefix}-timestamp`]: String(at),
    [`${prefix}-signature`]: new Webhook(secret).sign(id, new Date(at * 1000), body.toString()),
  }),
  verify({ secret, headers, body }) {
    new Webhook(secret).verify(body, headers);
    return accepted;
  },
});

const shopify = (secret) =>
  shopifyApi({
    apiKey: "key",
    apiSecretKey: secret,
    apiVersion: "2025-01",
    hostName: "relay.example",
    isEmbeddedApp: false,
    logger: { level: LogSeverity.Error, log: () => {} },
  });

const libraries = {
  standardwebhooks: standard(standardwebhooks, "webhook"),
  svix: standard(svix, "svix"),
  // The secret is a public key as a JSON Web Key, the body all that is signed.
  "node:crypto": {
    verify({ secret, headers, body }) {
      const key = createPublicKey({ key: secret, format: "jwk" });
      const holds = verifies(null, body, key, Buffer.from(headers.signature, "base64"));
      return holds ? accepted : refused("False", "verify says false");
    },
  },
  "@octokit/webhooks-methods": {
    sign: async ({ secret, body }) => ({ "X-Hub-Signature-256": await sign(secret, body.toString()) }),
    async verify({ secret, headers, body }) {
      const holds = await verify(secret, body.toString(), headers["x-hub-signature-256"] ?? "");
      return holds ? accepted : refused("false", "verify says false");
    },
  },
  "@shopify/shopify-api": {
    sign: async ({ secret, body }) => ({
      "X-Shopify-Hmac-Sha256": await createSHA256HMAC(secret, body.toString()),
    }),
    async verify({ secret, headers, body }) {
      const rawRequest = { method: "POST", url: "/", headers };
      const asked = { rawBody: body.toString(), rawRequest, rawResponse: {} };
      const said = await shopify(secret).webhooks.validate(asked);
      return said.valid ? accepted : refused("invalid", said.reason);
    },
  },
  // The sample of Hokusai's guide: it signs what it makes of the parsed body, and throws if the lengths differ.
  "hokusai guide": {
    verify({ secret, headers, body }) {
      const payload = JSON.stringify(JSON.parse(body.toString()));
      const expected = createHmac("sha256", secret).update(payload).digest("hex");
      const holds = timingSafeEqual(Buffer.from(headers["x-hokusai-signature"]), Buffer.from(expected));
      return holds ? accepted : refused("false", "timingSafeEqual says false");
    },
  },
  // What such a receiver makes of any JSON.
  JSON: { sign: ({ body }) => ({ text: JSON.stringify(JSON.parse(body.toString())) }) },
};

async function answer({ library, act, body_base64, ...asked }) {
  const body = Buffer.from(body_base64, "base64");
  if (act === "sign") return { headers: await libraries[library].sign({ ...asked, body }) };
  try {
    return await libraries[library].verify({ ...asked, body });
  } catch (error) {
    return refused(error.constructor.name, error.message);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const said = await answer(JSON.parse(line)).catch((error) => ({ failed: String(error) }));
  console.log(JSON.stringify(said));
}
