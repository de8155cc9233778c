// The proof of the entry in view: fetched, checked here, and shown step by step.

import { Refused, obstacle, verify } from "./proof.js";
import { compare, is_within } from "./proof-entry.js";
import { forget, hold, recall, remember } from "./proof-memory.js";
import { code, count, fill, fill_held, h, list, plain, pre, reset, say, say_refused, trust } from "./proof-steps.js";

/** Entries that are only passed on the way to another are not checked. */
const REST_MS = 120;
/** Characters of a unit that its step repeats. */
const UNIT_MAX = 2000;
/** A proof that takes longer waits for the next checkpoint. */
const SLOW_MS = 300;

const in_view = new IntersectionObserver((changes) => {
  for (const { isIntersecting, target } of changes) {
    if (!isIntersecting) continue;
    in_view.unobserve(target);
    setTimeout(() => target.isConnected && run(target, prove, fill_entry), REST_MS);
  }
});

/** @param {ParentNode} within */
export function upgrade(within) {
  for (const panel of within.querySelectorAll("[data-proof]:not([data-state])")) {
    panel.setAttribute("data-state", "");
    in_view.observe(panel);
  }
}

async function fetched(path) {
  // Of a checkpoint only the newest will do; a tile is the same for ever.
  const answer = await fetch(path, { cache: path.includes("/tile/") ? "default" : "no-store" });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/**
 * Runs a check and says how it ended.
 * @param {HTMLElement} panel @param {(panel: HTMLElement, seen: any) => Promise<string>} work its answer is the verdict
 * @param {(panel: HTMLElement, seen: any) => void} tell shows the steps that came to their end
 */
export async function run(panel, work, tell) {
  const { organization = "", keys = "" } = panel.dataset;
  const why = await obstacle();
  if (why) return say(panel, "unable", "Cannot be checked here", `${why}; the command below does it`);
  reset(panel);
  say(panel, "wait", "Checking…", "in this browser, without asking the server");
  // Before anything is fetched: what comes later cannot be older.
  const [known, told] = [recall(organization), keys.split(" ").filter(Boolean)];
  // By the last part of its origin, under which a tile never changes; until that is known, by its organization.
  const file = (path) => fetched(`/v1/logs/${encodeURIComponent(seen.checkpoint?.origin.split("/").at(-1) ?? organization)}/${path}`);
  const seen = { known, told, file, hold: () => hold(known, told, seen.note, seen.checkpoint, file) };
  try {
    const verdict = await work(panel, seen);
    const kept = remember(organization, seen.note, seen.checkpoint, seen.held.signers);
    tell(panel, seen);
    say(panel, "ok", verdict, trust(seen, kept));
  } catch (error) {
    if (!(error instanceof Refused)) return say(panel, "unable", "Cannot be checked now", error.message);
    tell(panel, seen);
    say_refused(panel, error, known, seen.note?.whole, () => {
      forget(organization);
      run(panel, work, tell);
    });
  }
}

async function prove(panel, seen) {
  const slow = setTimeout(() => say(panel, "wait", "Not yet in a checkpoint", "the log signs the next one within a second"), SLOW_MS);
  const proof = await fetched(panel.dataset.proof).finally(() => clearTimeout(slow));
  await verify(proof, seen.known?.vkeys ?? seen.told, seen).catch(async (error) => {
    // Of a log or a key that is not the known one, more can be said than that nobody signed.
    if (seen.known && seen.note && !seen.signers) await seen.hold();
    throw error;
  });
  const article = panel.closest("article");
  if (seen.disclosure.id !== article.dataset.id || String(seen.seq) !== panel.dataset.seq) throw new Refused("page", "the proof is of another entry");
  seen.held = await seen.hold();
  const raw = article.querySelector("pre.raw")?.textContent ?? null;
  const compared = compare(seen, [...article.querySelectorAll("[data-at]")].map(shown), raw);
  fill(panel, "page", "ok", `${compared} values ${raw === null ? "" : "and the JSON "}shown here are what is proven`);
  return "Proven in the log";
}

/** What a place of the page says, its marks read back as the characters they stand for. */
function shown(place) {
  const characters = [...(place.querySelector("bdi")?.childNodes ?? [])].map((node) =>
    node instanceof HTMLElement ? String.fromCodePoint(parseInt(node.textContent.slice(2), 16)) : node.textContent,
  );
  const text = place.querySelector(".none") ? undefined : characters.join("");
  return { at: place.dataset.at, text, erased: place.querySelector(".erased") !== null };
}

function fill_entry(panel, seen) {
  const { disclosure, digests, commitment, leaf, leaf_hash, path, way, rooted, checkpoint } = seen;
  if (leaf_hash) {
    const hidden = panel.dataset.hidden.split(" ").filter(Boolean);
    const gone = disclosure.units.filter((unit) => unit.digest);
    const veiled = gone.filter((unit) => is_within(unit.path, hidden));
    const told = [[gone.length - veiled.length, "erased"], [veiled.length, "hidden from you"]].map(([n, words]) => (n ? `, ${n} of them ${words}` : "")).join("");
    const rows = disclosure.units.map(({ path, value }, n) => {
      const shown = value === undefined ? h("span", { class: "erased" }, is_within(path, hidden) ? "hidden from you; its digest is proven" : "erased") : plain(value.slice(0, UNIT_MAX));
      const rest = value?.length > UNIT_MAX ? `… ${count(value.length)} characters in all` : "";
      return [h("b", {}, path === "" ? "all that is not personal" : plain(path)), " ", shown, rest, code(digests[n])];
    });
    fill(panel, "units", "ok", `${digests.length} parts${told}`, [list(rows)]);
    fill(panel, "commitment", "ok", `one hash over the ${digests.length}`, [code(commitment)]);
    fill(panel, "leaf", "ok", "128 bytes", [pre(new TextDecoder().decode(leaf), "The leaf"), "Its hash", code(leaf_hash)]);
  }
  if (way && way.length === path.length) {
    const rows = way.map(({ sibling, left, hash }) => [left ? "left" : "right", code(sibling), "gives", code(hash)]);
    fill(panel, "path", "ok", `${count(way.length)} hashes`, [list(rows, "way")]);
  }
  if (rooted) fill(panel, "root", "ok", `that of the tree of ${count(checkpoint.size)}`, [code(checkpoint.root)]);
  fill_held(panel, seen);
}
