// Judges one delivery with an official library: `node verify.mjs standardwebhooks|svix`, with
// {secret, headers, body_base64} on standard input. Prints {accepted, kind, reason}.
import { readFileSync } from "node:fs";

const { Webhook } = await import(process.argv[2]);
const { secret, headers, body_base64 } = JSON.parse(readFileSync(0, "utf8"));

function judge() {
  try {
    new Webhook(secret).verify(Buffer.from(body_base64, "base64"), headers);
    return { accepted: true, kind: null, reason: null };
  } catch (error) {
    return { accepted: false, kind: error.constructor.name, reason: error.message };
  }
}

console.log(JSON.stringify(judge()));
