// The texts of the portal in other languages than English.
//
// The sources hold the texts in English, each where it is shown. A language is a file beside texts/en.json, such as
// texts/de.json, that gives texts of it anew. Only a build with such a file has anything for it: `spoken` then puts a call
// of src/core/say.ts around each text, and the language is chosen before the portal begins. Without languages the build is
// the same to the byte.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCES = join(HERE, "src");
export const TEXTS = join(HERE, "texts");

// Where the portal begins, and the screens that it shows (src/portal/portal.tsx).
const BEGINS = ["portal/portal.tsx", ...["endpoints", "endpoint", "endpoint-new", "events", "event", "letters", "letter", "event-types", "event-type"].map((name) => `screens/${name}.tsx`)];

// Sources whose texts are compared, and shown by the owner's page alone; and those that have none.
const LEFT_OUT = new Set(["core/session.ts", "core/live.ts", "core/say.ts"]);

/** Attributes, and properties of objects, whose value is shown or spoken. */
const SHOWN = new Set(["title", "label", "aria-label", "placeholder", "help", "what", "noun", "words", "note", "names", "error", "why", "none"]);
/** Words that are shown where a function returns them, although a name may look so. */
const WORDS = new Set(["now"]);
/** Properties and attributes whose value is never shown, although it may look like a text. */
const MUTE = new Set(["width", "class", "key", "keys", "href", "type", "role", "kind", "tone", "icon", "rel", "target", "method", "narrow", "align", "action", "name", "value", "autoComplete"]);
/** Functions whose arguments are never shown. */
const DEAF = /^(get|getText|getBytes|send|call|path|may|notAdmin|match|useQuery|useThing|useList|useLive|useLiveAll|subscribe|addEventListener|removeEventListener|querySelector|querySelectorAll|includes|has|startsWith|endsWith|split|join|replaceAll|replace|test|exec|indexOf|append|setItem|getItem|removeItem|later|localeCompare|encodeURIComponent|matchMedia|getPropertyValue|setProperty|createElement|closest|DateTimeFormat|NumberFormat|RegExp|URL|warn)$/;
const EXTENSIONS = ["", ".ts", ".tsx", "/index.ts", "/index.tsx"];

const parse = (file, text) => ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, file.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS);

/** The sources that the portal consists of, in the order of their names. */
function portalSources() {
  const found = new Set();
  const visit = (file) => {
    if (found.has(file)) return;
    found.add(file);
    for (const statement of parse(file, readFileSync(file, "utf8")).statements) {
      const from = statement.moduleSpecifier?.text;
      if (!from?.startsWith(".") || statement.importClause?.isTypeOnly) continue;
      const target = EXTENSIONS.map((one) => resolve(dirname(file), from) + one).find((one) => /\.tsx?$/.test(one) && existsSync(one));
      if (target) visit(target);
    }
  };
  for (const one of BEGINS) visit(join(SOURCES, one));
  return [...found].filter((file) => !LEFT_OUT.has(relative(SOURCES, file).replaceAll("\\", "/"))).sort();
}

const LETTERS = /\p{L}{2}/u;
// Words with a space between them, or one word with a capital letter.
const SENTENCE = /^[A-Z][a-z]+[.…:]?$|\p{L}[,:;]? \p{L}|^\p{L}+ \{0\}|^\{0\} \p{L}/u;
// Paths, patterns, addresses, styles, commands, and JSON.
const NO_TEXT = /^[/<#.?]|^--|^(application|text|image)\/|"[}\]]+$|[[{]\}|:\/\/|^minmax|^rgb|^\d+px|^RELAY_|^curl |^Bearer |[a-z]_[a-z]|_…$|^x-[a-z]|^\w+\.\w+$|^\w+-\w+$/;

/** Whether an element holds what is copied or named as it stands: no language says it otherwise. */
const isCode = (element) => ts.isJsxElement(element) && /^(code|pre|kbd)$/.test(element.openingElement.tagName.getText());

/** The literal as a message, with {0}, {1} … for what stands in it. */
function messageOf(node) {
  if (!ts.isTemplateExpression(node)) return node.text;
  return node.head.text + node.templateSpans.map((span, n) => `{${n}}${span.literal.text}`).join("");
}

/** Whether a node gives on what its part gives: a text in it is shown where the node is. */
const givesOn = (node) => ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isNonNullExpression(node) || ts.isSatisfiesExpression(node) || ts.isArrayLiteralExpression(node) || ts.isTemplateSpan(node) || ts.isTemplateExpression(node);
/** Operators of which each side may be the value. */
const EITHER = [ts.SyntaxKind.BarBarToken, ts.SyntaxKind.QuestionQuestionToken, ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.PlusToken];
/** Nodes in which a string is a name, a type or a key. */
const isName = (node) => ts.isTaggedTemplateExpression(node) || ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isElementAccessExpression(node) || ts.isPropertyAccessExpression(node) || ts.isCaseClause(node);

/** Whether a string or template is shown, by what is around it. */
function isShown(node) {
  const message = messageOf(node);
  if (!LETTERS.test(message.replace(/\{\d+\}/g, ""))) return false;
  const sentence = SENTENCE.test(message) && !NO_TEXT.test(message);
  const isShownAs = (name) => !MUTE.has(name) && !NO_TEXT.test(message) && (SHOWN.has(name) || sentence);
  for (let child = node, parent = node.parent; parent; child = parent, parent = parent.parent) {
    if (givesOn(parent)) continue;
    if (ts.isConditionalExpression(parent)) {
      if (child === parent.condition) return false;
      continue;
    }
    if (ts.isBinaryExpression(parent)) {
      const operator = parent.operatorToken.kind;
      if (EITHER.includes(operator)) continue;
      return operator === ts.SyntaxKind.EqualsToken && child === parent.right && sentence;
    }
    if (ts.isJsxExpression(parent)) {
      if (ts.isJsxAttribute(parent.parent)) continue;
      return !isCode(parent.parent);
    }
    if (ts.isJsxAttribute(parent)) {
      const name = parent.name.getText();
      const tag = parent.parent.parent.tagName.getText();
      return (name === "name" && /^(Fact|Figure)$/.test(tag)) || (name === "action" && tag === "Confirm") || isShownAs(name);
    }
    if (ts.isPropertyAssignment(parent)) return child === parent.initializer && isShownAs(parent.name.getText().replace(/["']/g, ""));
    if (ts.isCallExpression(parent) || ts.isNewExpression(parent)) {
      const name = parent.expression.getText().split(".").pop();
      return !DEAF.test(name) && (sentence || (ts.isJsxExpression(parent.parent) && !ts.isJsxAttribute(parent.parent.parent)));
    }
    if (ts.isReturnStatement(parent) && WORDS.has(message)) return true;
    // What a column draws is shown.
    const giver = ts.isReturnStatement(parent) ? parent.parent.parent : parent;
    if (ts.isArrowFunction(giver) && ts.isPropertyAssignment(giver.parent) && giver.parent.name.getText() === "render") return true;
    return !isName(parent) && sentence;
  }
  return false;
}

/** The text between two tags as JSX shows it: line ends and the spaces around them are left out. */
function shownText(text) {
  const [first, ...more] = text.split(/[ \t]*\r?\n[ \t]*/);
  // A text of one line stays as it is. Of several lines, those that are empty are left out.
  return more.length ? [first, ...more].filter(Boolean).join(" ") : first;
}

/**
 * Goes through a source. `found` is called with each text. Returns the source with `say` around each of them, and
 * `plural` with its texts.
 */
function spoken(file, text, found = () => undefined) {
  const source = parse(file, text);
  const used = new Set();
  const say = (message, values, name = "say") => {
    found(message);
    used.add(name);
    return `${name}(${[JSON.stringify(message), ...values].join(", ")})`;
  };
  const within = (node, from = node.pos, to = node.end) => {
    let result = "";
    let at = from;
    ts.forEachChild(node, (child) => {
      result += text.slice(at, child.pos) + out(child);
      at = child.end;
    });
    return result + text.slice(at, to);
  };
  const lead = (node) => text.slice(node.pos, node.getStart(source));
  const out = (node) => {
    if (ts.isTypeNode(node)) return text.slice(node.pos, node.end);
    if (ts.isJsxElement(node) || ts.isJsxFragment(node)) return element(node);
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) {
      if (!isShown(node)) return text.slice(node.pos, node.end);
      const said = say(node.text, []);
      return lead(node) + (ts.isJsxAttribute(node.parent) ? `{${said}}` : said);
    }
    if (ts.isTemplateExpression(node) && !ts.isTaggedTemplateExpression(node.parent) && isShown(node)) return lead(node) + say(messageOf(node), node.templateSpans.map((span) => out(span.expression)));
    if (ts.isCallExpression(node) && node.expression.getText(source) === "plural" && ts.isStringLiteral(node.arguments[1])) {
      const [number, one, many] = node.arguments;
      found(`{0} ${many?.text ?? `${one.text}s`}`);
      used.add("sayMany");
      return `${lead(node)}sayMany(${[out(number), ...[one, many].filter(Boolean).map((word) => word.getText(source))].join(", ")})`;
    }
    return within(node);
  };
  const element = (node) => {
    const [open, close] = ts.isJsxElement(node) ? [node.openingElement, node.closingElement] : [node.openingFragment, node.closingFragment];
    const parts = [];
    for (const child of node.children) {
      if (ts.isJsxText(child)) parts.push({ text: shownText(child.text) });
      else if (ts.isJsxExpression(child) && !child.expression) continue;
      else if (ts.isJsxExpression(child) && ts.isStringLiteral(child.expression)) parts.push({ text: child.expression.text });
      else parts.push({ node: child });
    }
    const words = !isCode(node) && parts.some((part) => part.text && LETTERS.test(part.text));
    let inside = "";
    if (words) {
      const values = [];
      let message = "";
      for (const part of parts) {
        if (!part.node) message += part.text;
        else {
          message += `{${values.length}}`;
          values.push((ts.isJsxExpression(part.node) ? out(part.node.expression) : out(part.node)).trim());
        }
      }
      inside = `{${say(message, values, values.length ? "sayAll" : "say")}}`;
    } else inside = node.children.map((child) => out(child)).join("");
    return lead(node) + out(open) + inside + out(close);
  };
  const result = within(source);
  if (!used.size) return result;
  const path = relative(dirname(file), join(SOURCES, "core", "say")).replaceAll("\\", "/");
  return `import { ${[...used].join(", ")} } from ${JSON.stringify(path.startsWith(".") ? path : `./${path}`)};\n${result}`;
}

/** Every text of the portal, in the order of the sources. */
function portalTexts() {
  const all = new Set();
  for (const file of portalSources()) spoken(file, readFileSync(file, "utf8"), (message) => all.add(message));
  return [...all];
}

/** texts/en.json as the sources give it: what a language can give anew. */
export const english = () => `${JSON.stringify(Object.fromEntries(portalTexts().map((text) => [text, text])), null, 1)}\n`;

/** The languages beside English: the texts of each, by its name in lower case. */
export function languages(folder = TEXTS) {
  let known;
  const all = new Map();
  for (const file of existsSync(folder) ? readdirSync(folder).sort() : []) {
    const [, name] = /^([a-z]{2,3}(?:-[a-z0-9]+)*)\.json$/.exec(file) ?? [];
    if (!name) throw new Error(`${join(folder, file)}: the name of a language is needed, such as de.json or pt-br.json`);
    if (name === "en") continue;
    const texts = JSON.parse(readFileSync(join(folder, file), "utf8"));
    // Without another language, no source is read for it.
    known ??= new Set(portalTexts());
    const unknown = Object.keys(texts).filter((text) => !known.has(text));
    if (unknown.length) throw new Error(`${file} has texts that the portal has not: ${unknown.map((text) => JSON.stringify(text)).join(", ")}`);
    all.set(name, texts);
  }
  return all;
}

/** What esbuild needs to build the portal in languages: an entry that chooses one, and the sources with their texts spoken. */
export function speaking(all) {
  const sources = new Set(portalSources());
  const begin = `
    import { portal } from "./core/router";
    import { speak } from "./core/say";
    import { readWishes } from "./portal/look";
    const languages = { ${[...all.keys()].map((name) => `${JSON.stringify(name)}: () => import("texts:${name}")`).join(", ")} };
    const asked = ((portal && readWishes().locale) || "").toLowerCase();
    const language = [asked, asked.split("-")[0]].find((one) => Object.hasOwn(languages, one));
    if (language) {
      try {
        speak(language, (await languages[language]()).default);
        document.documentElement.lang = language;
      } catch {
        // The file is gone after an update: the portal speaks English.
      }
    }
    await import("./main");`;
  return {
    name: "speaking",
    setup(build) {
      build.onResolve({ filter: /^texts:/ }, ({ path }) => ({ path: path.slice(6), namespace: "texts" }));
      build.onLoad({ filter: /.*/, namespace: "texts" }, ({ path }) =>
        path === "begin" ? { contents: begin, loader: "ts", resolveDir: SOURCES } : { contents: JSON.stringify(all.get(path)), loader: "json" });
      build.onLoad({ filter: /\.tsx?$/ }, ({ path }) => {
        if (!sources.has(path)) return undefined;
        return { contents: spoken(path, readFileSync(path, "utf8")), loader: path.endsWith("x") ? "tsx" : "ts" };
      });
    },
  };
}
