// Builds web/dist: one document for page, portal and console, their script in two chunks, one sheet of styles, each with
// its compressed forms.
//
//   node build.mjs                    writes dist/, and texts/en.json with the texts of the portal
//   node build.mjs --check            builds into memory and fails if dist/ or texts/en.json differs
//   node build.mjs --serve [URL]      serves the page on port 8790 over a relay, http://127.0.0.1:8788 unless it is given,
//                                     and builds again when a file of src/ changes; with --minified as dist/ has it.
//                                     Nothing is compressed then
//
// The same sources give the same bytes: names hold a hash of the content, and nothing holds a date or a path.

import { createServer, request } from "node:http";
import { mkdirSync, readFileSync, readdirSync, rmSync, watch, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify as shorten } from "terser";
import { TEXTS, english, languages, speaking } from "./texts.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const DIST = join(HERE, "dist");
const ENGLISH = join(TEXTS, "en.json");
const TYPES = { js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", html: "text/html; charset=utf-8", svg: "image/svg+xml" };

/**
 * How terser shortens what esbuild gives. Functions that stand first make the screens smaller after brotli, and the first
 * load larger. The options are part of the names' hashes, since they change what the files hold.
 */
const shortening = (name) => ({
  module: true,
  ecma: 2020,
  compress: { passes: 3, sequences: false, side_effects: false, inline: 0, hoist_funs: name.startsWith("later") },
});
const SHORTENED_BY = `terser ${JSON.parse(readFileSync(join(HERE, "package.json"))).devDependencies.terser} ${shortening}`;

/** Builds the sources into memory: the files by their names in dist/, and the names of those that a page begins with. */
async function make({ minify = true } = {}) {
  const others = languages(process.env.RELAY_TEXTS ?? TEXTS);
  const result = await build({
    absWorkingDir: HERE,
    plugins: others.size ? [speaking(others)] : [],
    entryPoints: [
      others.size ? { in: "texts:begin", out: "begin" } : { in: "src/main.tsx", out: "main" },
      { in: "src/style/style.css", out: "style" },
    ],
    bundle: true,
    splitting: true,
    format: "esm",
    target: ["chrome109", "firefox115", "safari16.4"],
    // Calls of `h` compress better than those of the automatic runtime, which tsconfig.json has for the types.
    tsconfigRaw: { compilerOptions: { target: "ES2022", jsx: "react", jsxFactory: "h", jsxFragmentFactory: "Fragment" } },
    inject: ["src/core/jsx.ts"],
    minify,
    banner: minify ? { js: `/* ${SHORTENED_BY} */` } : {},
    sourcemap: minify ? false : "inline",
    legalComments: "none",
    charset: "utf8",
    write: false,
    metafile: true,
    outdir: "/assets",
    entryNames: "[name].[hash]",
    chunkNames: "[name].[hash]",
  });
  const files = new Map();
  for (const output of result.outputFiles) {
    const name = output.path.split(/[\\/]/).pop();
    const shorter = minify && name.endsWith(".js") ? (await shorten(output.text, shortening(name))).code : output.contents;
    files.set(`assets/${name}`, Buffer.from(shorter));
  }
  const named = (name, kind) => [...files.keys()].find((file) => file.startsWith(`assets/${name}.`) && file.endsWith(`.${kind}`));
  const outputs = Object.fromEntries(Object.entries(result.metafile.outputs).map(([path, output]) => [`assets/${path.split("/").pop()}`, output]));
  // What a script imports at once is fetched beside it, not after it.
  const needed = (script, found = new Set()) => {
    for (const one of outputs[script]?.imports ?? []) {
      const file = `assets/${one.path.split("/").pop()}`;
      if (one.kind === "import-statement" && !found.has(file)) needed(file, found.add(file));
    }
    return found;
  };
  // esbuild leaves of main.tsx an import of the chunk that screens/later.ts shares with it. The pages begin with that chunk.
  // With languages, the pages begin with the script that chooses one.
  let script = named("begin", "js");
  if (!others.size) {
    const main = named("main", "js");
    [script] = needed(main);
    if (!/^import"[^"]+";$/.test(files.get(main).toString().trim()) && minify) throw new Error(`${main} is more than an import of a chunk`);
    files.delete(main);
  }
  // The script finds out by the address whether it is the page, the portal or the console.
  // Tags that HTML lets a page leave out are left out.
  const html = [
    "<!doctype html>",
    '<html lang="en">',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    "<title>relay</title>",
    '<link rel="icon" href="data:,">',
    `<link rel="stylesheet" href="/${named("style", "css")}">`,
    ...[...needed(script)].map((file) => `<link rel="modulepreload" href="/${file}">`),
    `<script type="module" src="/${script}"></script>`,
    '<body><div id="root"></div><noscript>This page needs JavaScript. The API and the command line do not.</noscript>',
    "",
  ].join("\n");
  files.set("index.html", Buffer.from(html));
  return { files, first: ["index.html", named("style", "css"), script, ...needed(script)], hasLanguages: others.size > 0 };
}

/** The files with their compressed forms, and with the list of them that `api` reads. */
function packed(files) {
  const all = new Map(files);
  const list = [...files.keys()].sort().map((file) => ({ path: `/${file}`, file, type: TYPES[file.split(".").pop()] }));
  for (const { file } of list) {
    const content = files.get(file);
    const parameters = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
    all.set(`${file}.br`, brotliCompressSync(content, { params: parameters }));
    // Byte 9 of gzip names the system that wrote it; 255 is "unknown", the same everywhere.
    const gzip = gzipSync(content, { level: 9 });
    gzip[9] = 255;
    all.set(`${file}.gz`, gzip);
  }
  return all.set("files.json", Buffer.from(`${JSON.stringify(list, null, 1)}\n`));
}

/** Bytes after brotli: of each file, of what a page begins with, and of everything. */
function sizes({ files, first }, all) {
  const size = (name) => all.get(`${name}.br`).length;
  const sum = (names) => names.reduce((bytes, name) => bytes + size(name), 0);
  const names = [...files.keys()];
  return { each: names.map((name) => [size(name), name]), first: sum(first), all: sum(names) };
}

/**
 * Bytes after brotli that the pages may have (ADR 0062): the first load, and everything with portal and console. Another
 * name of a file alone changes the sum by up to 100 bytes.
 */
const BUDGET = { first: 45_000, all: 90_000 };

function tooLarge(size) {
  return [
    [size.first, BUDGET.first, "the first load"],
    [size.all, BUDGET.all, "everything"],
  ].filter(([has, may]) => has > may).map(([has, may, what]) => `${what} has ${has} B, and may have ${may} B`);
}

function write(files) {
  rmSync(DIST, { recursive: true, force: true });
  mkdirSync(join(DIST, "assets"), { recursive: true });
  for (const [name, content] of files) writeFileSync(join(DIST, name), content);
}

function differences(files) {
  const there = (folder) => readdirSync(join(DIST, folder), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? there(join(folder, entry.name)) : join(folder, entry.name)));
  const names = new Set([...files.keys(), ...there("")]);
  return [...names].filter((name) => {
    // The compressed forms depend on the version of zlib and brotli; they are compared unpacked by the tests of `api`.
    if (/\.(br|gz)$/.test(name)) return !files.has(name);
    try {
      return !files.get(name)?.equals(readFileSync(join(DIST, name)));
    } catch {
      return true;
    }
  });
}

async function serve(relay, minify) {
  let built = await make({ minify });
  let timer;
  watch(join(HERE, "src"), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      built = await make({ minify }).catch(() => built);
    }, 50);
  });
  const own = (path) => {
    if (path.startsWith("/assets/")) return path.slice(1);
    if (/^\/(portal|events|endpoints|sources|jobs|batches|letters|tasks|event-types|keys|status|login)?(\/|$)/.test(path)) return "index.html";
    return undefined;
  };
  const port = Number(process.env.PORT ?? 8790);
  const server = createServer((incoming, answer) => {
    const { pathname } = new URL(incoming.url, "http://page");
    const file = own(pathname);
    const content = file && built.files.get(file);
    if (content) {
      const live = relay.replace(/^http/, "ws");
      answer.writeHead(200, {
        "content-type": TYPES[file.split(".").pop()],
        "cache-control": "no-store",
        "content-security-policy": `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'none'; connect-src 'self' ${live}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'`,
      });
      answer.end(content);
      return;
    }
    const target = new URL(incoming.url, relay);
    const passed = request(target, { method: incoming.method, headers: { ...incoming.headers, host: target.host } }, (response) => {
      answer.writeHead(response.statusCode, response.headers);
      response.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    incoming.pipe(passed);
  });
  // Live connections to the page's own host, which a console with a token makes.
  server.on("upgrade", (incoming, socket, head) => {
    const target = new URL(incoming.url, relay);
    const passed = request(target, { headers: { ...incoming.headers, host: target.host } });
    passed.on("upgrade", (response, other) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${response.rawHeaders.map((part, n) => part + (n % 2 ? "\r\n" : ": ")).join("")}\r\n`);
      if (head.length) other.write(head);
      other.pipe(socket).pipe(other);
      other.on("error", () => socket.destroy());
    });
    passed.on("response", (response) => socket.end(`HTTP/1.1 ${response.statusCode} Refused\r\n\r\n`));
    passed.on("error", () => socket.destroy());
    socket.on("error", () => passed.destroy());
    passed.end();
  });
  server.listen(port, "127.0.0.1", () => console.log(`the page over ${relay}: http://127.0.0.1:${port}`));
}

const minified = process.argv.includes("--minified");
const [mode, relay] = process.argv.slice(2).filter((argument) => argument !== "--minified");
if (mode === "--serve") await serve(relay ?? "http://127.0.0.1:8788", minified);
else {
  const built = await make();
  const all = packed(built.files);
  const size = sizes(built, all);
  for (const [bytes, what] of [[size.first, "a page and what it begins with"], ...size.each, [size.all, "everything"]]) console.log(`${String(bytes).padStart(7)} B brotli  ${what}`);
  if (mode === "--check") {
    // Languages come on top of the budget.
    const large = built.hasLanguages ? [] : tooLarge(size);
    if (large.length) {
      console.error(large.join("\n"));
      process.exit(1);
    }
    const different = differences(all);
    if (readFileSync(ENGLISH, "utf8") !== english()) different.push("texts/en.json");
    if (different.length) {
      console.error(`dist/ or texts/ is not what the sources give; run npm run build. Different: ${different.join(", ")}`);
      process.exit(1);
    }
  } else {
    write(all);
    writeFileSync(ENGLISH, english());
  }
}
