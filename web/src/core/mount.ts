// Where the relay is served: below "" as a rule, or below the path of a custom domain.

/** The path before `/assets/…`, from where this script was fetched: "/hooks" of https://api.example.com/hooks. */
export const mount = new URL(import.meta.url).pathname.replace(/\/assets\/[^/]*$/, "").replace(/\/$/, "");

/** The relay's address, as far as the page knows it by itself. */
export const home = location.origin + mount;
/** The address of live connections on the relay's own port. */
export const liveHome = `${home.replace(/^http/, "ws")}/live`;
