import { render } from "preact";
const root = document.getElementById("root");
if (root) render(<p>Not built yet.</p>, root);
