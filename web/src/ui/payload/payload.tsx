// A payload as a tree, as text or as bytes; never as anything that a browser would run.

import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { bytes as sized, count } from "../../core/format";
import { useQuery } from "../../core/router";
import { Button, CopyButton } from "../basics";
import { Segments } from "../fields";
import { save } from "../save";
import { fault } from "./json";
import { Hex, LONG, Raw } from "./raw";
import { Tree } from "./tree";

/** Bytes of base64 text. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** Shows `content`: text, or bytes that may be none. `name` is the file's name of a download. */
export function Payload({ content, name, label = "Payload", param, side, download, cut = false }: {
  content: string | Uint8Array;
  name: string;
  label?: string;
  /** The parameter of the address that holds the view; the view is forgotten without one. */
  param?: string;
  side?: ComponentChildren;
  /** Makes the file, if `content` is only its beginning. */
  download?: () => void;
  /** `content` is only the beginning of a text. */
  cut?: boolean;
}) {
  const [query, change] = useQuery();
  const [own, setOwn] = useState("");
  const bytes = useMemo(() => (typeof content === "string" ? new TextEncoder().encode(content) : content), [content]);
  const text = useMemo(() => {
    if (typeof content === "string") return content;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
    } catch {
      return null;
    }
  }, [content]);
  const wrong = useMemo(() => (text === null ? 0 : fault(text)), [text]);
  const json = text !== null && wrong < 0;
  const choices = [
    ...(json ? [{ value: "tree", title: "Tree" }] : []),
    ...(text !== null ? [{ value: "raw", title: "Raw" }] : []),
    { value: "hex", title: "Hex" },
  ];
  const wanted = param ? query.get(param) : own;
  const view = choices.find((one) => one.value === wanted)?.value ?? choices[0]?.value ?? "hex";
  const [find, setFind] = useState(false);
  const show = (value: string, finds = false) => {
    setFind(finds);
    if (param) change({ [param]: value === choices[0]?.value ? null : value }, true);
    else setOwn(value);
  };
  return (
    <div class="payload">
      <div class="payload-bar">
        <Segments label={`View of ${label}`} value={view} choices={choices} change={show} />
        <span class="faint payload-size">{sized(bytes.length)}{text === null ? ", binary" : json ? "" : ", text"}</span>
        <div class="side">
          {side}
          {view === "tree" && bytes.length > LONG && <Button kind="quiet" icon="search" onClick={() => show("raw", true)}>Find</Button>}
          {text === null ? <CopyButton what={`${label} as base64`} text={() => toBase64(bytes)} /> : <CopyButton what={label} text={text} />}
          <Button kind="quiet" icon="download" onClick={download ?? (() => save(name, [bytes as BlobPart], "application/octet-stream"))}>Download</Button>
        </div>
      </div>
      {bytes.length === 0 ? <p class="payload-none faint">Empty: no bytes.</p>
        : view === "tree" && text !== null ? <Tree text={text} label={label} />
        : view === "raw" && text !== null ? <Raw text={text} label={label} find={find} />
        : <Hex bytes={bytes} label={label} />}
      {view === "raw" && !json && !cut && text && /^\s*[[{]/.test(text) && <p class="payload-none faint">Not JSON: it breaks at character {count(wrong + 1)}.</p>}
    </div>
  );
}
