// Commands for a shell. Texts of strangers stand in single quotation marks, where a shell reads nothing into them.

import type { Profile } from "../../core/contract";
import type { Seen } from "./read";

/** Text as one word of a shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`;
}

// A terminal acts on control characters that are pasted, and an argument holds at most 128 KiB.
// eslint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
const LONGEST = 60_000;

// Headers that the command makes itself, or curl.
const OWN = /^(webhook-(id|timestamp|signature)|svix-(id|timestamp|signature)|content-length|host|connection|user-agent|accept-encoding)$/;

export function curlOf(id: string, url: string, headers: { name: string; value: string }[], body: string | Uint8Array): string {
  const inline = typeof body === "string" && body.length < LONGEST && !UNSAFE.test(body);
  const kept = headers.filter(({ name, value }) => !OWN.test(name.toLowerCase()) && !value.includes("***") && !UNSAFE.test(value) && !UNSAFE.test(name));
  if (!kept.some(({ name }) => name.toLowerCase() === "content-type")) kept.unshift({ name: "content-type", value: "application/json" });
  const safe = UNSAFE.test(url) ? encodeURI(url) : url;
  return [
    "SECRET=whsec_PUT_YOUR_SECRET_HERE",
    inline ? `printf %s ${quoted(body)} > body` : "# Save the body with Download, as the file: body",
    `ID=${quoted(id)}; AT=$(date +%s)`,
    `KEY=$(printf %s "\${SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \\n')`,
    `SIGNATURE=$( (printf %s "$ID.$AT."; cat body) | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | base64)`,
    `curl -sS ${quoted(safe)} --data-binary @body \\`,
    ...kept.map(({ name, value }) => `  -H ${quoted(`${name}: ${value}`)} \\`),
    `  -H "webhook-id: $ID" -H "webhook-timestamp: $AT" -H "webhook-signature: v1,$SIGNATURE"`,
  ].join("\n");
}

export function triggerOf(event: Seen["event"], profile: string, profiles: Profile[], relay: string): string {
  const names = profiles.find((one) => one.name === profile)?.events ?? [];
  const last = event.type.split(".").pop() ?? "";
  const name =
    names.find((one) => one === event.type) ??
    names.find((one) => event.type.endsWith(`.${one}`)) ??
    names.find((one) => one.endsWith(last) || last.startsWith(one));
  return `RELAY_URL=${quoted(relay)} relay trigger ${quoted(name ? `${profile}:${name}` : profile)} --source ${quoted(event.source ?? "")}`;
}
