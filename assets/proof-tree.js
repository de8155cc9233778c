// Hashes, bytes and the tree of docs/proofs.md: inclusion, consistency, tiles. WebCrypto only; no page, no network of its own.

/** @typedef {{ size: bigint, root: Uint8Array }} Tree */
/** @typedef {{ level: number, index: bigint }} Node a complete subtree of 2^level leaves */

/** What is not as it must be. `step` names the part of the check that found it. */
export class Refused extends Error {
  /** @param {string} step @param {string} why */
  constructor(step, why) {
    super(why);
    this.step = step;
  }
}

/** No format here carries a larger number: Go counts in signed 64 bits. */
const NUMBER_MAX = (1n << 63n) - 1n;

const encoder = new TextEncoder();
/** @param {string} text */
export const utf8 = (text) => encoder.encode(text);

/** UTF-8 and nothing else, a byte order mark kept as the character it is. @param {Uint8Array} bytes @returns {string | null} */
export function text_of(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** @param {...Uint8Array} parts */
export function joined(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** @param {...Uint8Array} parts */
export const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));

/** @param {Uint8Array} a @param {Uint8Array} b */
export const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

/** @param {Uint8Array} bytes */
export function to_base64(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}

/** Exactly what `to_base64` writes; of `length` bytes if that is given. @param {string} text @param {number} [length] */
export function from_base64(text, length) {
  let binary;
  try {
    binary = atob(text);
  } catch {
    return null;
  }
  // The browser's reader takes blanks, stray bits and missing padding.
  if (btoa(binary) !== text || (length !== undefined && binary.length !== length)) return null;
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

/** No sign, no leading zero. @param {string} text @returns {bigint | null} */
export function from_decimal(text) {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text)) return null;
  const number = BigInt(text);
  return number <= NUMBER_MAX ? number : null;
}

/** @param {Uint8Array} leaf */
export const hash_of_leaf = (leaf) => sha256(Uint8Array.of(0), leaf);
/** @param {Uint8Array} left @param {Uint8Array} right */
const hash_of_node = (left, right) => sha256(Uint8Array.of(1), left, right);

/** One step up a path: `place` among `last + 1` nodes, to the level where it has a sibling. */
class Climb {
  /** @param {bigint} place @param {bigint} last */
  constructor(place, last) {
    this.place = place;
    this.last = last;
  }

  /** Whether the sibling is on the left; goes up a level. */
  up() {
    const left = this.place % 2n === 1n || this.place === this.last;
    if (left) while (this.place % 2n === 0n && this.place !== 0n) this.shift();
    this.shift();
    return left;
  }

  shift() {
    this.place >>= 1n;
    this.last >>= 1n;
  }
}

/**
 * Checks that a leaf is at `seq` of a tree (RFC 9162, 2.1.3.2).
 * @param {Tree} tree @param {bigint} seq @param {Uint8Array} leaf its hash @param {Uint8Array[]} path
 * @param {{ sibling: Uint8Array, left: boolean, hash: Uint8Array }[]} [way] filled with each step, as far as it goes
 */
export async function includes(tree, seq, leaf, path, way = []) {
  const refuse = (/** @type {string} */ why) => new Refused("path", why);
  if (seq >= tree.size) throw refuse("the tree does not reach that far");
  const climb = new Climb(seq, tree.size - 1n);
  let hash = leaf;
  for (const sibling of path) {
    if (climb.last === 0n) throw refuse("the path is too long");
    const left = climb.up();
    hash = await (left ? hash_of_node(sibling, hash) : hash_of_node(hash, sibling));
    way.push({ sibling, left, hash });
  }
  if (climb.last !== 0n) throw refuse("the path is too short");
  if (!same(hash, tree.root)) throw new Refused("root", "the path leads to another root than the checkpoint's");
}

/**
 * Checks that a tree begins with all of an older one (RFC 9162, 2.1.4.2).
 * @param {Tree} tree @param {Tree} old @param {Uint8Array[]} path
 */
export async function extends_tree(tree, old, path) {
  const refuse = (/** @type {string} */ why) => new Refused("growth", why);
  if (old.size === 0n) throw refuse("there is nothing to prove about an empty tree");
  if (old.size > tree.size) throw refuse("the older tree is the larger");
  if (old.size === tree.size) {
    if (path.length > 0) throw refuse("the path is too long");
    if (!same(old.root, tree.root)) throw refuse("the trees have one size and two roots");
    return;
  }
  const climb = new Climb(old.size - 1n, tree.size - 1n);
  while (climb.place % 2n === 1n) climb.shift();
  // An old tree that is a complete subtree of the new one starts the path itself.
  const [start, ...rest] = climb.place === 0n ? [old.root, ...path] : path;
  if (!start) throw refuse("the path is too short");
  let [before, after] = [start, start];
  for (const sibling of rest) {
    if (climb.last === 0n) throw refuse("the path is too long");
    if (climb.up()) [before, after] = [await hash_of_node(sibling, before), await hash_of_node(sibling, after)];
    else after = await hash_of_node(after, sibling);
  }
  if (climb.last !== 0n) throw refuse("the path is too short");
  if (!same(before, old.root)) throw refuse("the path leads to another older root");
  if (!same(after, tree.root)) throw refuse("the path leads to another newer root");
}

/** The complete subtrees of the leaves `start` to `end`, from the left. @param {bigint} start @param {bigint} end @returns {Node[]} */
function nodes_of(start, end) {
  const nodes = [];
  while (start < end) {
    let level = 0;
    while (start % (2n << BigInt(level)) === 0n && start + (2n << BigInt(level)) <= end) level += 1;
    nodes.push({ level, index: start >> BigInt(level) });
    start += 1n << BigInt(level);
  }
  return nodes;
}

/** What a consistency proof consists of, each part as complete subtrees. @param {bigint} old @param {bigint} size @returns {Node[][]} */
function consistency_plan(old, size) {
  const parts = [];
  let [start, end] = [0n, size];
  while (end !== old) {
    let half = 1n;
    while (half * 2n < end - start) half *= 2n;
    const middle = start + half;
    if (old <= middle) {
      parts.push(nodes_of(middle, end));
      end = middle;
    } else {
      parts.push(nodes_of(start, middle));
      start = middle;
    }
  }
  // What begins at 0 is the old tree itself, whose root is known.
  if (start !== 0n) parts.push(nodes_of(start, end));
  return parts.reverse();
}

/** The root over 2^n neighbouring hashes. @param {Uint8Array[]} row */
async function root_of(row) {
  while (row.length > 1) {
    const pairs = Array.from({ length: row.length / 2 }, (_, at) => hash_of_node(row[2 * at], row[2 * at + 1]));
    row = await Promise.all(pairs);
  }
  return row[0];
}

/** Groups of three digits, all but the last with an `x`. @param {bigint} index */
export function place_of(index) {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.../g) ?? [];
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
}

/**
 * The tiles of one tree, fetched when they are needed, and believed once they lead to its root.
 * @param {Tree} tree @param {(path: string) => Promise<Uint8Array>} fetched
 */
export function tiles_of(tree, fetched) {
  /** @type {Map<string, { level: number, index: bigint, hashes: Promise<Uint8Array[]> }>} */
  const held = new Map();
  const hashes_at = (/** @type {number} */ level) => tree.size >> BigInt(8 * level);

  /** @param {number} level @param {bigint} index */
  function path(level, index) {
    const rest = hashes_at(level) - index * 256n;
    return { width: Number(rest < 256n ? rest : 256n), path: `tile/${level}/${place_of(index)}${rest < 256n ? `.p/${rest}` : ""}` };
  }

  /** @param {number} level @param {bigint} index */
  function tile(level, index) {
    const at = path(level, index);
    const known = held.get(at.path);
    if (known) return known.hashes;
    const hashes = fetched(at.path).then((bytes) => {
      if (bytes.length !== 32 * at.width) throw new Refused("tiles", `${at.path} has ${bytes.length} bytes, not ${32 * at.width}`);
      return Array.from({ length: at.width }, (_, n) => bytes.subarray(32 * n, 32 * n + 32));
    });
    held.set(at.path, { level, index, hashes });
    return hashes;
  }

  /** @param {Node} node */
  async function hash(node) {
    const level = Math.floor(node.level / 8);
    const depth = BigInt(node.level % 8);
    const first = node.index << depth;
    const start = Number(first % 256n);
    return root_of((await tile(level, first / 256n)).slice(start, start + 2 ** Number(depth)));
  }

  /** @param {Node[]} nodes largest first */
  async function fold(nodes) {
    const hashes = await Promise.all(nodes.map(hash));
    let root = hashes.pop() ?? (await sha256());
    for (const left of hashes.reverse()) root = await hash_of_node(left, root);
    return root;
  }

  return {
    /** Paths of what was fetched. */
    paths: () => [...held.keys()],
    tile,
    path,
    /** Fetches the right edge and checks that it makes the root. */
    async edge() {
      if (!same(await fold(nodes_of(0n, tree.size)), tree.root)) throw new Refused("tiles", "the tiles of the right edge make another root");
    },
    /**
     * The consistency proof with an older tree, from tiles that belong to this one.
     * @param {bigint} old its size
     */
    async consistency(old) {
      const plan = consistency_plan(old, tree.size);
      const proof = await Promise.all(plan.map(fold));
      await this.edge();
      await this.vouch();
      return proof;
    },
    /** Checks each full tile against its hash in the tile above, up to those of the right edge. */
    async vouch() {
      for (const { level, index, hashes } of held.values()) {
        const row = await hashes;
        if (row.length < 256) continue;
        // The tile above is fetched if need be, and takes its turn in this loop.
        const above = await tile(level + 1, index / 256n);
        if (!same(above[Number(index % 256n)], await root_of(row))) throw new Refused("tiles", `${path(level, index).path} is not of this tree`);
      }
    },
  };
}
