// How a check is shown: one line for the verdict, one that opens for each step. The server renders their frame.

import { to_base64 } from "./proof-tree.js";

export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Foreign text, with what hides or reorders written out. @param {string} text */
export const plain = (text) => text.replace(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, (c) => `⟨U+${c.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}⟩`);
export const code = (value) => h("code", {}, typeof value === "string" ? plain(value) : to_base64(value));
export const count = (n) => n.toLocaleString("en");
export const pre = (text, label) => h("pre", { tabindex: "0", "aria-label": label }, code(text));
export const list = (rows, kind = "") => h("ol", { class: `hashes ${kind}` }, ...rows.map((row) => h("li", {}, ...row)));

export function say(panel, state, title, words) {
  panel.setAttribute("data-state", state);
  for (const [name, text] of Object.entries({ title, words })) {
    const place = panel.querySelector(`[data-say="${name}"]`);
    if (place.textContent !== text) place.textContent = text;
  }
}

export function fill(panel, name, mark, words, body = []) {
  const step = panel.querySelector(`[data-step="${name}"]`);
  step?.setAttribute("data-mark", mark);
  step?.querySelector("[data-words]").replaceChildren(words);
  step?.querySelector("[data-body]").replaceChildren(...body);
}

/** As if nothing had been checked. */
export function reset(panel) {
  for (const step of panel.querySelectorAll("[data-mark]")) step.removeAttribute("data-mark");
  panel.querySelector("[data-conflict]").hidden = true;
}

/** Under which step a refusal stands that is not one itself. */
const STEP_OF = { key: "signature", origin: "signature", rollback: "history", fork: "history", growth: "history" };

/** The verdict of a refusal. If it is against what this browser remembers, that is shown, with a way to give it up: `anew`. */
export function say_refused(panel, refused, known, note, anew) {
  const name = STEP_OF[refused.step] ?? refused.step;
  const title = panel.querySelector(`[data-step="${name}"] b`)?.textContent ?? "it cannot be read";
  say(panel, "bad", `Verification FAILED: ${title}`, refused.message);
  fill(panel, name, "bad", refused.message);
  const conflict = panel.querySelector("[data-conflict]");
  const against = known && note && ["key", "origin", "rollback", "fork"].includes(refused.step);
  conflict.hidden = !against;
  if (!against) return;
  conflict.querySelector("[data-body]").replaceChildren("Accepted before:", pre(known.note, "Accepted before"), "Shown now:", pre(note, "Shown now"));
  conflict.querySelector("button").onclick = anew;
}

export const ids = (keys) => keys.map((key) => key.id).join(", ");

/** The steps that a log's checkpoint takes, whatever it is the end of. */
export function fill_held(panel, { note, checkpoint, signers, held, known }) {
  const by = held?.signers ?? signers;
  if (!by) return;
  fill(panel, "signature", "ok", `by key ${ids(by)}`, [list(by.map((key) => [code(key.vkey)])), pre(note.whole, "The checkpoint")]);
  if (!held) return;
  if (!known) return fill(panel, "history", "ok", "this browser sees the log for the first time, and will hold it to this");
  const { old, path, tiles } = held.grown;
  const [then, now] = [count(old.size), count(checkpoint.size)];
  if (then === now) return fill(panel, "history", "ok", `the same tree of ${now} that this browser saw before`);
  fill(panel, "history", "ok", `the ${then} entries this browser saw before are the first of these ${now}`, [`A consistency proof, made here from ${tiles.length} tiles of the log:`, list(path.map((hash) => [code(hash)]))]);
}

/** The place in the log and the signer, in a few words. */
export function trust({ seq, checkpoint, held: { signers, fresh }, known }, kept) {
  const since = known ? `known since ${known.since.slice(0, 10)}` : kept ? "first seen now" : "not remembered";
  const place = seq === undefined ? "" : `seq ${count(seq)} of `;
  const next = fresh.length > 0 ? ` · new key ${ids(fresh)}` : "";
  return `${place}${count(checkpoint.size)} entries · key ${ids(signers.filter((key) => !fresh.includes(key)))}, ${since}${next}`;
}
