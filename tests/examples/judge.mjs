// Asks the functions of legacy.mjs, line by line: {kind, secret, headers, body_base64} in, true or false out.
import { createInterface } from "node:readline";

import * as legacy from "./legacy.mjs";

for await (const line of createInterface({ input: process.stdin })) {
  const { kind, secret, headers, body_base64 } = JSON.parse(line);
  console.log(legacy[kind](Buffer.from(body_base64, "base64"), headers, secret));
}
