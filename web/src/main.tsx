// The script of all three pages: begins the portal, the console or the page, as the address says.
//
// One script for three pages compresses better than three that share chunks, since what is shared stands in one file.

import { beginConsole, isConsole } from "./console/console";
import { portal } from "./core/router";
import { beginPage } from "./page";
import { beginPortal } from "./portal/portal";

const root = document.getElementById("root");
if (root) (portal ? beginPortal : isConsole ? beginConsole : beginPage)(root);
