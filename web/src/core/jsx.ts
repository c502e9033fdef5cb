// What JSX is compiled to: calls of `h`. build.mjs gives it to each file that has elements.

export { Fragment, h } from "preact";
