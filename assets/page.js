// Upgrades the pages in place. Without it everything still works: every state is a URL, every filter a link or a form.

import { start as navigate } from "./navigate.js";
import { start as menus } from "./menus.js";
import { start as keyboard } from "./keyboard.js";
import { upgrade as chart } from "./chart.js";
import { upgrade as live } from "./live.js";
import { upgrade as comfort } from "./comfort.js";

/** Called once for the page and again for every part that replaces another. */
function upgrade() {
  comfort(document);
  chart(document);
  live(document);
  // Cryptography is only loaded where there is something to verify.
  if (document.querySelector("[data-proof]")) import("./proof-panel.js").then((proof) => proof.upgrade(document));
  if (document.querySelector("[data-log]")) import("./proof-log.js").then((log) => log.upgrade(document));
}

document.documentElement.classList.add("js");
navigate(upgrade);
menus();
keyboard();
upgrade();
