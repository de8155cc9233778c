// Keys for those who read many entries: / j k Enter Esc n e ?

import { close_menu } from "./menus.js";
import { open_row } from "./navigate.js";

export function start() {
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const at = event.target;
    if (event.key === "Escape") return escape(at);
    if (at.matches("input, select, textarea, [contenteditable]")) return;
    const act = KEYS[event.key];
    if (act && act(at) !== false) event.preventDefault();
  });
}

const KEYS = {
  "/": () => {
    const box = document.querySelector("#search");
    box?.focus();
    box?.select();
    return Boolean(box);
  },
  j: () => move(1),
  k: () => move(-1),
  Enter: (at) => {
    const row = document.querySelector("tr.at");
    if (!row || at.closest("a, button, summary")) return false;
    open_row(row);
  },
  n: () => follow('.pager a[rel="next"]'),
  e: () => follow(".export > summary"),
  "?": () => {
    document.querySelector("#keys")?.togglePopover();
  },
};

/** @param {string} selector */
function follow(selector) {
  const link = document.querySelector(selector);
  link?.click();
  return Boolean(link);
}

/** @param {number} by */
function move(by) {
  const rows = [...document.querySelectorAll("tr[data-id]")];
  if (rows.length === 0) return follow(by > 0 ? 'a[rel="next"]' : 'a[rel="prev"]');
  const open = document.querySelector("#drawer") !== null;
  const from = rows.findIndex((row) => row.classList.contains(open ? "selected" : "at"));
  const to = from < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(from + by, 0), rows.length - 1);
  for (const row of rows) row.classList.toggle("at", row === rows[to]);
  if (open) {
    if (to !== from) open_row(rows[to]);
    return;
  }
  rows[to].scrollIntoView({ block: "nearest" });
  rows[to].querySelector("a")?.focus({ preventScroll: true });
}

/** @param {HTMLElement} at */
function escape(at) {
  if (document.querySelector("#keys:popover-open")) return;
  if (close_menu()) return;
  if (at.matches("input, textarea")) return at.blur();
  document.querySelector("a[data-close]")?.click();
}
