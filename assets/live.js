// New entries, announced as they arrive; shown when asked for, so that nothing moves under the reader's eyes.

import { go } from "./navigate.js";

let tail = null;
let address = "";
let waiting = 0;

/** @param {Document} within */
export function upgrade(within) {
  const button = within.querySelector("[data-live][aria-pressed]");
  const wanted = button?.getAttribute("aria-pressed") === "true" ? (button.dataset.tail ?? "") : "";
  if (wanted === address && (tail || !wanted)) {
    if (tail) say(within, button);
    return;
  }
  tail?.close();
  tail = null;
  address = wanted;
  waiting = 0;
  if (!button || !wanted) return;
  tail = new EventSource(wanted);
  const arrived = () => {
    waiting += 1;
    say(document, document.querySelector("[data-live][aria-pressed]"));
  };
  tail.addEventListener("message", arrived);
  tail.addEventListener("entry", arrived);
  tail.addEventListener("open", () => state("on", "Live"));
  tail.addEventListener("error", () => state("off", tail?.readyState === EventSource.CLOSED ? "Live stopped" : "Reconnecting…"));
}

/** @param {string} name @param {string} words */
function state(name, words) {
  const button = document.querySelector("[data-live][aria-pressed]");
  button?.setAttribute("data-state", name);
  const label = button?.querySelector(".label");
  if (label) label.textContent = words;
}

/** @param {Document} within @param {Element | null} button */
function say(within, button) {
  const place = within.querySelector("#fresh");
  if (tail?.readyState === EventSource.OPEN) button?.setAttribute("data-state", "on");
  if (!place || waiting === 0) return;
  let link = place.querySelector("a");
  if (!link) {
    link = document.createElement("a");
    const url = new URL(location.href);
    for (const name of ["cursor", "selected"]) url.searchParams.delete(name);
    link.href = url.href;
    link.addEventListener("click", (event) => {
      event.preventDefault();
      event.stopPropagation();
      waiting = 0;
      go(url, false);
    });
    place.append(link);
  }
  link.textContent = `${waiting.toLocaleString("en")} new ${waiting === 1 ? "entry" : "entries"} – show`;
}
