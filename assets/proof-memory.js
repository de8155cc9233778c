// What this browser remembers of each log: its keys and the last checkpoint it accepted. No server can take that back.

import { Refused, demand, extends_tree, from_base64, same, tiles_of, to_base64 } from "./proof-tree.js";
import { read_key, signers_of } from "./proof.js";

/** @typedef {{ origin: string, vkeys: string[], size: string, root: string, note: string, since: string }} Known */

const place = (organization) => `mar_audit_log:${organization}`;

/** To be asked before anything is fetched: what is fetched later cannot be older. @param {string} organization @returns {Known | null} */
export function recall(organization) {
  try {
    return JSON.parse(localStorage.getItem(place(organization)) ?? "null");
  } catch {
    return null; // a browser that keeps nothing
  }
}

/**
 * Keeps an accepted checkpoint, unless another tab kept a later one meanwhile; says whether this browser keeps anything.
 * @param {string} organization @param {Note} note @param {Checkpoint} checkpoint
 * @param {Key[]} signers
 */
export function remember(organization, note, checkpoint, signers) {
  const now = recall(organization);
  const known = now?.origin === checkpoint.origin ? now : null;
  if (known && BigInt(known.size) > checkpoint.size) return true;
  const since = known?.since ?? new Date().toISOString();
  const { origin, size, root } = checkpoint;
  const kept = { origin, vkeys: signers.map((key) => key.vkey), size: String(size), root: to_base64(root), note: note.whole, since };
  try {
    localStorage.setItem(place(organization), JSON.stringify(kept));
    return true;
  } catch {
    return false;
  }
}

export const forget = (organization) => localStorage.removeItem(place(organization));

/**
 * Holds a checkpoint against what is remembered: the same log, a key that is known or vouched for, nothing taken back.
 * @param {Known | null} known @param {string[]} told the keys the server names
 * @param {Note} note @param {Checkpoint} checkpoint
 * @param {(path: string) => Promise<Uint8Array>} fetched a tile
 */
export async function hold(known, told, note, checkpoint, fetched) {
  demand(!known || known.origin === checkpoint.origin, "origin", `this browser knew the log as ${known?.origin}, now it calls itself ${checkpoint.origin}: it was begun anew, or is another`);
  const keys = await Promise.all((known?.vkeys ?? told).map(read_key));
  const others = await Promise.all(told.filter((vkey) => !keys.some((key) => key.vkey === vkey)).map(read_key));
  const named = (some) => some.filter((key) => note.signatures.some((line) => line.name === key.name && line.id === key.id));
  demand(!known || named(keys).length > 0, "key", `not signed by the key that this browser knows since ${known?.since.slice(0, 10)}, but by another`);
  const signers = await signers_of(note, checkpoint, keys);
  // A key that signs the same checkpoint beside a known one is its successor.
  const fresh = named(others).length > 0 ? await signers_of(note, checkpoint, named(others)) : [];
  return { signers: [...signers, ...fresh], fresh, grown: known && (await grow(known, checkpoint, fetched)) };
}

async function grow(known, checkpoint, fetched) {
  const old = { size: BigInt(known.size), root: from_base64(known.root, 32) ?? new Uint8Array() };
  const { size } = checkpoint;
  demand(size >= old.size, "rollback", `the log had ${old.size} entries when this browser last looked, and now claims ${size}: it was set back`);
  demand(size > old.size || same(checkpoint.root, old.root), "fork", `the log signed two different trees of ${size} entries: it has two histories`);
  if (size === old.size || old.size === 0n) return { old, path: [], tiles: [] };
  const tiles = tiles_of(checkpoint, fetched);
  const path = await tiles.consistency(old.size);
  await extends_tree(checkpoint, old, path).catch(() => {
    // Every tile is of this tree; no path exists, because the older tree is no part of it.
    throw new Refused("fork", `the ${old.size} entries that this browser saw are not in the log's tree of ${size}: its history was changed`);
  });
  return { old, path, tiles: tiles.paths() };
}
