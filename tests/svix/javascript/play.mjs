// Plays every operation through the JavaScript SDK, as its own user would. Run by players.py, beside its node_modules.
// A line for each check: `<row> ok` or `<row> no <why>`.

import applications from "./applications.mjs";
import endpoints from "./endpoints.mjs";
import eventTypes from "./event_types.mjs";
import messages from "./messages.mjs";
import attempts from "./attempts.mjs";
import tasks from "./tasks.mjs";
import across from "./across.mjs";

const CHECKS = { ...applications, ...endpoints, ...eventTypes, ...messages, ...attempts, ...tasks, ...across };

const wanted = process.argv.slice(2);
for (const [row, check] of Object.entries(CHECKS)) {
  if (wanted.length > 0 && !wanted.includes(row)) continue;
  try {
    await check();
    console.log(`${row} ok`);
  } catch (error) {
    const where = /(\w+\.mjs:\d+)/.exec((error.stack ?? "").replace(/ground\.mjs:\d+/g, ""))?.[1];
    console.log(`${row} no ${where}: ${`${error} ${JSON.stringify(error.body ?? "")}`.replaceAll("\n", " ").slice(0, 500)}`);
  }
}
