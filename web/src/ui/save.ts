// Files that the page makes.

/** Has the browser save `parts` as a file. */
export function save(name: string, parts: BlobPart[], type: string): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement("a");
  link.href = url;
  // A name is no path, and holds nothing that a shell or a file system reads its own way.
  link.download = name.replace(/[^\w.-]+/g, "-").slice(0, 120);
  link.click();
  // The browser has the bytes by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
