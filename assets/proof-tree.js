// Bytes, hashes and the tree of docs/proofs.md: inclusion, consistency, tiles.

/** @typedef {{ size: bigint, root: Uint8Array }} Tree */

/** What is not as it must be; `step` names the check that found it. */
export class Refused extends Error {
  constructor(step, why) {
    super(why);
    this.step = step;
  }
}

export function demand(holds, step, why) {
  if (!holds) throw new Refused(step, why);
}

const encoder = new TextEncoder();
export const utf8 = (text) => encoder.encode(text);

/** UTF-8 and nothing else; a byte order mark stays a character. */
export function text_of(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

export async function sha256(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
}

export const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);
export const to_base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** Exactly what `to_base64` writes, or null. @param {string} text @param {number} [length] in bytes */
export function from_base64(text, length) {
  let binary;
  try {
    binary = atob(text);
  } catch {
    return null;
  }
  // The browser's reader takes blanks, stray bits and missing padding.
  if (btoa(binary) !== text || (length ?? binary.length) !== binary.length) return null;
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

/** No sign, no leading zero, at most 2^63 - 1. */
export function from_decimal(text) {
  const number = /^(0|[1-9]\d{0,18})$/.test(text) ? BigInt(text) : null;
  return number === null || number >> 63n ? null : number;
}

export const hash_of_leaf = (leaf) => sha256(Uint8Array.of(0), leaf);
const hash_of_node = (left, right) => sha256(Uint8Array.of(1), left, right);

/** A way up from `place` among `last + 1` nodes. */
class Climb {
  constructor(place, last) {
    this.place = place;
    this.last = last;
  }

  shift() {
    this.place >>= 1n;
    this.last >>= 1n;
  }

  /** Goes up by one sibling; says whether that is on the left. */
  up() {
    const left = this.place % 2n === 1n || this.place === this.last;
    // The last node of a level, if it is a left child, rises until it has a left sibling.
    if (left) while (this.place % 2n === 0n && this.place) this.shift();
    this.shift();
    return left;
  }
}

/**
 * Refuses unless a leaf's hash is at `seq` of the tree (RFC 9162, 2.1.3.2); `way` gets each step, as far as it goes.
 * @param {Tree} tree @param {bigint} seq @param {Uint8Array} leaf @param {Uint8Array[]} path @param {object[]} [way]
 */
export async function includes(tree, seq, leaf, path, way = []) {
  demand(seq < tree.size, "path", "the tree does not reach that far");
  const at = new Climb(seq, tree.size - 1n);
  let hash = leaf;
  for (const sibling of path) {
    demand(at.last, "path", "the path is too long");
    const left = at.up();
    hash = await (left ? hash_of_node(sibling, hash) : hash_of_node(hash, sibling));
    way.push({ sibling, left, hash });
  }
  demand(!at.last, "path", "the path is too short");
  demand(same(hash, tree.root), "root", "what is told of this entry is not in the signed tree: the path leads to another root");
}

/** Refuses unless the tree begins with all of an older one (RFC 9162, 2.1.4.2). @param {Tree} tree @param {Tree} old @param {Uint8Array[]} path */
export async function extends_tree(tree, old, path) {
  const need = (holds, why) => demand(holds, "growth", why);
  need(old.size > 0n && old.size <= tree.size, "there is nothing to prove of an empty tree, or of a larger one");
  if (old.size === tree.size) return need(path.length === 0 && same(old.root, tree.root), "the trees have one size and two roots, or a path");
  const at = new Climb(old.size - 1n, tree.size - 1n);
  while (at.place % 2n) at.shift();
  // An old tree that is a complete subtree of the new one starts the path itself.
  const [start, ...rest] = at.place ? path : [old.root, ...path];
  need(start, "the path is too short");
  let [before, after] = [start, start];
  for (const sibling of rest) {
    need(at.last, "the path is too long");
    if (at.up()) [before, after] = [await hash_of_node(sibling, before), await hash_of_node(sibling, after)];
    else after = await hash_of_node(after, sibling);
  }
  need(!at.last, "the path is too short");
  need(same(before, old.root), "the path leads to another older root");
  need(same(after, tree.root), "the path leads to another newer root");
}

/** The complete subtrees of 2^level leaves that make up the leaves `start` to `end`. */
function nodes_of(start, end) {
  const nodes = [];
  while (start < end) {
    let level = 0n;
    while (start % (2n << level) === 0n && start + (2n << level) <= end) level += 1n;
    nodes.push({ level, index: start >> level });
    start += 1n << level;
  }
  return nodes;
}

/** What a consistency proof consists of: subtrees, each as its complete parts. */
function consistency_plan(old, size) {
  const parts = [];
  let [start, end] = [0n, size];
  while (end !== old) {
    let half = 1n;
    while (half * 2n < end - start) half *= 2n;
    const middle = start + half;
    const inside = old <= middle;
    parts.push(inside ? nodes_of(middle, end) : nodes_of(start, middle));
    if (inside) end = middle;
    else start = middle;
  }
  // What begins at 0 is the old tree itself, whose root is known.
  if (start !== 0n) parts.push(nodes_of(start, end));
  return parts.reverse();
}

/** The root over 2^n neighbouring hashes. */
async function root_of(row) {
  while (row.length > 1) row = await Promise.all(Array.from({ length: row.length / 2 }, (_, at) => hash_of_node(row[2 * at], row[2 * at + 1])));
  return row[0];
}

/** Groups of three digits, all but the last with an `x`. */
export function place_of(index) {
  const digits = String(index);
  return digits.padStart(Math.ceil(digits.length / 3) * 3, "0").replace(/...(?=.)/g, "x$&/");
}

/** The tiles of a tree: fetched when needed, believed once they lead to its root. @param {Tree} tree @param {(path: string) => Promise<Uint8Array>} fetched */
export function tiles_of(tree, fetched) {
  const held = new Map();
  function tile(level, index) {
    const rest = (tree.size >> (8n * level)) - index * 256n;
    const width = rest < 256n ? Number(rest) : 256;
    const path = `tile/${level}/${place_of(index)}${width < 256 ? `.p/${width}` : ""}`;
    const known = held.get(path);
    if (known) return known.hashes;
    const hashes = fetched(path).then((bytes) => {
      demand(bytes.length === 32 * width, "tiles", `${path} has ${bytes.length} bytes`);
      return Array.from({ length: width }, (_, n) => bytes.subarray(32 * n, 32 * n + 32));
    });
    held.set(path, { level, index, hashes });
    return hashes;
  }
  async function fold(nodes) {
    const parts = nodes.map(async ({ level, index }) => {
      const first = index << level % 8n;
      const start = Number(first % 256n);
      return root_of((await tile(level / 8n, first / 256n)).slice(start, start + 2 ** Number(level % 8n)));
    });
    const hashes = await Promise.all(parts);
    let root = hashes.pop() ?? (await sha256());
    for (const left of hashes.reverse()) root = await hash_of_node(left, root);
    return root;
  }

  /** Refuses unless the right edge makes the root, and each full tile what the tile above it says. */
  async function authenticate() {
    demand(same(await fold(nodes_of(0n, tree.size)), tree.root), "tiles", "the tiles at the right edge make another root");
    // A tile above that is fetched here takes its turn in this loop.
    for (const [path, { level, index, hashes }] of held) {
      const row = await hashes;
      if (row.length < 256) continue;
      const above = await tile(level + 1n, index / 256n);
      demand(same(above[Number(index % 256n)], await root_of(row)), "tiles", `${path} is not of this tree`);
    }
  }

  return {
    authenticate,
    /** The paths of what was fetched. */
    paths: () => [...held.keys()],
    /** The consistency proof with an older tree. @param {bigint} old its size */
    async consistency(old) {
      const proof = await Promise.all(consistency_plan(old, tree.size).map(fold));
      await authenticate();
      return proof;
    },
  };
}
