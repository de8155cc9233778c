// Evidence made the slow and obvious way, with Node's own cryptography: what the pages' verifier is tried on.

import { createHash, createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
export const ORIGIN = "audit.example/v1/logs/acme";

/** The code block after `Example: <name>` in docs/proofs.md. @param {string} name */
export function example(name) {
  const document = readFileSync(join(ROOT, "docs/proofs.md"), "utf8");
  const found = document.split(`Example: ${name}\n\n\`\`\`text\n`)[1]?.split("```")[0];
  if (!found) throw new Error(`docs/proofs.md has no example ${name}`);
  return found;
}

/** The vkey of the documented policy's log. */
export const documented_key = () => example("policy").match(/^log (\S+)/m)[1];

/** A file of the proof crate's vectors. @param {string} name */
export const vectors = (name) => readFileSync(join(ROOT, "proof/tests/vectors", name), "utf8");

/** @param {...(string | Uint8Array)} parts */
export const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
/** @param {Uint8Array} bytes */
export const base64 = (bytes) => Buffer.from(bytes).toString("base64");

/** A log's key, with its vkey and `sign`. @param {string} name @param {Buffer} [seed] */
export function key_of(name, seed) {
  const der = Buffer.from("302e020100300506032b657004220420", "hex");
  const secret = seed ? createPrivateKey({ key: Buffer.concat([der, seed]), format: "der", type: "pkcs8" }) : generateKeyPairSync("ed25519").privateKey;
  const raw = Buffer.from(secret.export({ format: "jwk" }).x, "base64url");
  const typed = Buffer.concat([Buffer.of(1), raw]);
  const id = sha256(`${name}\n`, typed).subarray(0, 4);
  return {
    name,
    vkey: `${name}+${id.toString("hex")}+${base64(typed)}`,
    /** @param {string} text */
    line: (text) => `— ${name} ${base64(Buffer.concat([id, sign(null, Buffer.from(text), secret)]))}\n`,
  };
}

/** @param {Uint8Array} left @param {Uint8Array} right */
const node = (left, right) => sha256(Buffer.of(1), left, right);
const half_of = (/** @type {number} */ n) => 2 ** Math.floor(Math.log2(n - 1));

/** RFC 6962's definition, word for word. @param {Uint8Array[]} leaves their hashes @returns {Uint8Array} */
export function root_of(leaves) {
  if (leaves.length < 2) return leaves[0] ?? sha256();
  const k = half_of(leaves.length);
  return node(root_of(leaves.slice(0, k)), root_of(leaves.slice(k)));
}

/** @param {number} m @param {Uint8Array[]} leaves @returns {Uint8Array[]} */
export function path_of(m, leaves) {
  if (leaves.length < 2) return [];
  const k = half_of(leaves.length);
  return m < k ? [...path_of(m, leaves.slice(0, k)), root_of(leaves.slice(k))] : [...path_of(m - k, leaves.slice(k)), root_of(leaves.slice(0, k))];
}

/** @param {number} m @param {Uint8Array[]} leaves @param {boolean} [known] @returns {Uint8Array[]} */
export function growth_of(m, leaves, known = true) {
  if (m === leaves.length) return known ? [] : [root_of(leaves)];
  const k = half_of(leaves.length);
  return m <= k
    ? [...growth_of(m, leaves.slice(0, k), known), root_of(leaves.slice(k))]
    : [...growth_of(m - k, leaves.slice(k), false), root_of(leaves.slice(0, k))];
}

/** `count` hashes that are the same at every run. @param {number} count @param {string} [salt] */
export const leaves = (count, salt = "") => Array.from({ length: count }, (_, n) => sha256(Buffer.of(0), `${salt}${n}`));

/** The bytes of a tile of a tree, by its C2SP path; null where there is none. @param {Uint8Array[]} all @param {string} path */
export function tile(all, path) {
  const found = path.match(/^tile\/(\d)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d+))?$/);
  if (!found) return null;
  const [level, index, width] = [Number(found[1]), Number(found[2].replaceAll(/[x/]/g, "")), Number(found[3] ?? 256)];
  const span = 256 ** level;
  const hashes = Array.from({ length: width }, (_, n) => all.slice((index * 256 + n) * span, (index * 256 + n + 1) * span));
  if (hashes.some((run) => run.length < span)) return null;
  return Buffer.concat(hashes.map(root_of));
}

/** @param {bigint | number} size @param {Uint8Array} root @param {{ name: string, line: (text: string) => string }[]} keys @param {string} [origin] */
export function checkpoint(size, root, keys, origin = keys[0].name) {
  const text = `${origin}\n${size}\n${base64(root)}\n`;
  return `${text}\n${keys.map((key) => key.line(text)).join("")}`;
}

/** The digest of a unit. @param {{ path: string, salt?: string, value?: string, digest?: string }} unit */
export function digest({ path, salt, value, digest }) {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(Buffer.byteLength(path));
  return digest ? Buffer.from(digest, "base64") : sha256("mar/f1", Buffer.from(salt, "base64"), length, path, value);
}

/** @param {{ id: string, received_at: string, units: any[] }} disclosure */
export function leaf({ id, received_at, units }) {
  const count = Buffer.alloc(2);
  count.writeUInt16BE(units.length);
  return `mar-audit/leaf@v1\n${id}\n${received_at}\n${base64(sha256("mar/c1", count, ...units.map(digest)))}\n`;
}

/** A whole proof file of one entry among `others`. @param {any} disclosure @param {{ seq?: number, size?: number, keys?: any[], extra?: string, origin?: string }} how */
export function proof(disclosure, { seq = 3, size = 7, keys = [], extra = JSON.stringify(disclosure), origin } = {}) {
  const all = leaves(size);
  all[seq] = sha256(Buffer.of(0), leaf(disclosure));
  const path = path_of(seq, all).map((hash) => `${base64(hash)}\n`);
  return `c2sp.org/tlog-proof@v1\nextra ${base64(Buffer.from(extra))}\nindex ${seq}\n${path.join("")}\n${checkpoint(size, root_of(all), keys, origin)}`;
}
