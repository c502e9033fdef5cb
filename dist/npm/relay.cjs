#!/usr/bin/env node
// Starts the program of this platform, which lies in a package of its own. Exit code, signals, input and output are the
// program's: whoever calls this notices no difference but the 40 ms that node takes.

"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");

const name = `${require("../package.json").name}-${process.platform}-${process.arch}`;
const file = process.platform === "win32" ? "relay.exe" : "relay";

function find() {
  try {
    return require.resolve(`${name}/bin/${file}`);
  } catch {
    console.error(`relay: the package ${name} is missing.`);
    console.error("relay: It comes with this one unless npm was told to leave optional dependencies out (--omit=optional,");
    console.error("relay: --no-optional), or there is none for this platform: then build from source, see docs/installing.md.");
    process.exit(1);
  }
}

const child = spawn(find(), process.argv.slice(2), { stdio: "inherit" });

// A terminal sends Ctrl-C to both processes: passed on, the program would hear it twice, and end at once instead of cleanly.
const passed = { SIGTERM: true, SIGHUP: true, SIGQUIT: !process.stdin.isTTY, SIGINT: !process.stdin.isTTY };
const handlers = Object.entries(passed)
  .filter(([signal]) => signal in constants.signals)
  .map(([signal, on]) => {
    const handler = () => on && child.kill(signal);
    process.on(signal, handler);
    return [signal, handler];
  });

child.on("error", (error) => {
  console.error(`relay: cannot start ${name}: ${error.message}`);
  process.exit(1);
});

child.on("exit", (code, signal) => {
  if (signal === null) {
    process.exit(code);
  }
  // Ends as the program did, so that a shell sees the same.
  for (const [handled, handler] of handlers) {
    process.removeListener(handled, handler);
  }
  process.kill(process.pid, signal);
});
