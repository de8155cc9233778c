// Checks proofs as docs/proofs.md describes them: keys, notes, checkpoints, disclosures, whole .tlog-proof files.
//
// Bytes in; evidence, or `Refused`, out. The server is never asked whether it is honest. Every format has one spelling.

import { Refused, from_base64, from_decimal, hash_of_leaf, includes, same, sha256, text_of, to_base64, utf8 } from "./proof-tree.js";

/** @typedef {{ vkey: string, name: string, id: string, raw: Uint8Array }} Key a log's */
/** @typedef {{ name: string, id: string, bytes: Uint8Array }} Signature */
/** @typedef {{ text: string, signatures: Signature[], whole: string }} Note */
/** @typedef {{ origin: string, size: bigint, root: Uint8Array }} Checkpoint */
/** @typedef {{ path: string, salt?: Uint8Array, value?: string, digest?: Uint8Array }} Unit open, or erased */
/** @typedef {{ id: string, received_at: string, units: Unit[] }} Disclosure */

/** @param {string} why */
const malformed = (why) => new Refused("format", why);

// ---- Keys and signatures ----

/** Prime of the field and order of the group of Ed25519. */
const FIELD = (1n << 255n) - 19n;
const ORDER = (1n << 252n) + 27742317777372353535851937790883648493n;
/** Points under which anyone can sign: their second coordinates. */
const SMALL = [
  0n, 1n, FIELD - 1n,
  0x5fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
];

/** @param {Uint8Array} bytes the lowest first */
const number_of = (bytes) => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

/** An encoded point in its one spelling, and not of small order. @param {Uint8Array} bytes */
function is_sound(bytes) {
  const y = number_of(bytes) & ((1n << 255n) - 1n);
  return y < FIELD && !SMALL.includes(y);
}

/** Checked strictly: browsers differ in what they let pass beyond. @param {Uint8Array} raw @param {Uint8Array} message @param {Uint8Array} signature */
export async function is_signed(raw, message, signature) {
  if (signature.length !== 64 || number_of(signature.subarray(32)) >= ORDER) return false;
  if (!is_sound(raw) || !is_sound(signature.subarray(0, 32))) return false;
  try {
    const key = await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
  } catch (error) {
    if (error instanceof Error && error.name === "NotSupportedError") throw error;
    return false; // not a point of the curve
  }
}

/** Why nothing can be checked here, or null. */
export async function obstacle() {
  if (!globalThis.crypto?.subtle) return "this page was not loaded over https or from this machine, and browsers give their cryptography to no other";
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32), { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    if (error instanceof Error && error.name === "NotSupportedError") return "this browser has no Ed25519";
  }
  return null;
}

/** @param {string} name */
const is_name = (name) => name !== "" && !/[\p{White_Space}+\0-\x1f]/u.test(name);
/** @param {Uint8Array} bytes */
export const to_hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Reads a log's vkey. @param {string} vkey @returns {Promise<Key>} */
export async function read_key(vkey) {
  const [name, id, ...rest] = vkey.split("+");
  const key = from_base64(rest.join("+"), 33);
  if (!is_name(name) || !key) throw malformed("a key is not <name>+<id>+<base64 of 33 bytes>");
  if (key[0] !== 1) throw malformed("a key is not one that logs sign with");
  const hash = await sha256(utf8(`${name}\n`), key);
  if (to_hex(hash.subarray(0, 4)) !== id) throw malformed("a key's id is not that of its name and key");
  if (!is_sound(key.subarray(1))) throw malformed("a key is one under which anyone can sign");
  return { vkey, name, id, raw: key.subarray(1) };
}

/** @param {string} whole @returns {Note} */
export function read_note(whole) {
  if (utf8(whole).length > 1_000_000) throw malformed("a signed note is longer than a million bytes");
  const at = whole.lastIndexOf("\n\n");
  if (at < 0) throw malformed("no empty line parts a note's text and signatures");
  const text = whole.slice(0, at + 1);
  if (/[\0-\x09\x0b-\x1f]/.test(text)) throw malformed("a note has a control character");
  const lines = whole.slice(at + 2).split("\n");
  if (lines.pop() !== "") throw malformed("a note's last line does not end");
  if (lines.length === 0) throw malformed("a note has no signature");
  if (lines.length > 100) throw malformed("a note has more than 100 signatures");
  return { text, signatures: lines.map(read_signature), whole };
}

/** @param {string} line @returns {Signature} */
function read_signature(line) {
  const [dash, name, ...rest] = line.split(" ");
  const bytes = rest.length === 1 ? from_base64(rest[0]) : null;
  if (dash !== "—" || !is_name(name ?? "") || !bytes) throw malformed("a signature line is not — <name> <base64>");
  if (bytes.length < 5) throw malformed("a signature is only a key id");
  return { name, id: to_hex(bytes.subarray(0, 4)), bytes: bytes.subarray(4) };
}

/** @param {string} text @returns {Promise<Checkpoint>} */
export async function read_checkpoint(text) {
  const lines = text.split("\n");
  if (lines.pop() !== "") throw malformed("a checkpoint's last line does not end");
  if (lines.length < 3) throw malformed("a checkpoint has fewer than three lines");
  if (lines.includes("")) throw malformed("a checkpoint has an empty line");
  const [size, root] = [from_decimal(lines[1]), from_base64(lines[2], 32)];
  if (size === null) throw malformed("a checkpoint's size is not a plain decimal");
  if (!root) throw malformed("a checkpoint's root is not base64 of 32 bytes");
  if (size === 0n && !same(root, await sha256())) throw malformed("a checkpoint's root is not that of an empty tree");
  return { origin: lines[0], size, root };
}

/**
 * Which of the keys signed a log's checkpoint; at least one did, and none is named in vain.
 * @param {Note} note @param {Checkpoint} checkpoint @param {Key[]} keys @returns {Promise<Key[]>}
 */
export async function signers_of(note, checkpoint, keys) {
  const signers = [];
  for (const key of keys) {
    if (key.name !== checkpoint.origin) throw new Refused("signature", `the checkpoint is of ${checkpoint.origin}, the key of ${key.name}`);
    const lines = note.signatures.filter((line) => line.name === key.name && line.id === key.id);
    for (const line of lines) {
      if (!(await is_signed(key.raw, utf8(note.text), line.bytes))) throw new Refused("signature", `the signature that names the key ${key.id} was not made by it over this checkpoint`);
    }
    if (lines.length > 0) signers.push(key);
  }
  if (signers.length === 0) throw new Refused("signature", "no known key of this log signed the checkpoint");
  return signers;
}

// ---- Entries ----

/** @param {string} text */
function is_time(text) {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
  if (!form.test(text) || text.startsWith("0000")) return false;
  const at = new Date(`${text.slice(0, 19)}Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text.slice(0, 19));
}

/** @param {string} text @returns {Disclosure} */
export function read_disclosure(text) {
  let told;
  try {
    told = JSON.parse(text);
  } catch {
    throw malformed("a disclosure is no JSON");
  }
  const units = Array.isArray(told?.units) ? told.units : [];
  const strings = [told?.id, told?.received_at];
  for (const unit of units.map(Object)) strings.push(unit.path, ...("digest" in unit ? [unit.digest] : [unit.salt, unit.value]));
  if (!strings.every((string) => typeof string === "string" && !/\p{Surrogate}/u.test(string))) throw malformed("a disclosure has a member that is no text");
  /** @param {any} unit */
  const written = (unit) => `{"path":${JSON.stringify(unit.path)},${"digest" in unit ? `"digest":"${unit.digest}"` : `"salt":"${unit.salt}","value":${JSON.stringify(unit.value)}`}}`;
  // Read, written, compared: any other spelling of the same is another text.
  const only = `{"v":1,"id":"${told.id}","received_at":"${told.received_at}","units":[${units.map(written).join(",")}]}`;
  if (only !== text) throw malformed("a disclosure is not in its one spelling");
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(told.id)) throw malformed("an entry's id is not a lower-case UUID");
  if (!is_time(told.received_at)) throw malformed("received_at is not a time of the one form");
  if (units.length > 65535) throw malformed("an entry has too many units");
  check_paths(units.map((/** @type {Unit} */ unit) => unit.path));
  return { id: told.id, received_at: told.received_at, units: units.map(read_unit) };
}

/** @param {any} unit @returns {Unit} */
function read_unit({ path, salt, value, digest }) {
  if (digest !== undefined) {
    const bytes = from_base64(digest, 32);
    if (!bytes) throw malformed("a digest is not base64 of 32 bytes");
    return { path, digest: bytes };
  }
  const bytes = from_base64(salt, 16);
  if (!bytes) throw malformed("a salt is not base64 of 16 bytes");
  return { path, salt: bytes, value };
}

/** By their bytes, which is not how this language orders texts. @param {Uint8Array} a @param {Uint8Array} b */
function is_before(a, b) {
  const at = a.findIndex((byte, n) => byte !== b[n]);
  return at < 0 ? a.length < b.length : a[at] < (b[at] ?? -1);
}

/** @param {string[]} paths */
function check_paths(paths) {
  if (paths[0] !== "") throw malformed("the first unit's path is not empty");
  const all = new Set(paths);
  let before = utf8("");
  for (const path of paths.slice(1)) {
    const bytes = utf8(path);
    if (bytes.length > 65535) throw malformed("a unit's path is too long");
    if (!is_before(before, bytes)) throw malformed("the units' paths do not ascend");
    if (!path.startsWith("/") || /~(?![01])/.test(path)) throw malformed("a unit's path is not an RFC 6901 pointer");
    for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) {
      if (all.has(path.slice(0, at))) throw malformed("a unit's path lies inside another");
    }
    before = bytes;
  }
}

/** @param {number} number */
const u16 = (number) => Uint8Array.of(number >> 8, number & 255);

/** @param {Unit} unit @returns {Promise<Uint8Array>} */
export async function digest_of({ path, salt, value, digest }) {
  if (digest) return digest;
  const name = utf8(path);
  return sha256(utf8("mar/f1"), /** @type {Uint8Array} */ (salt), u16(name.length), name, utf8(/** @type {string} */ (value)));
}

/** @param {Uint8Array[]} digests */
export const commitment_of = (digests) => sha256(utf8("mar/c1"), u16(digests.length), ...digests);

/** @param {Disclosure} disclosure @param {Uint8Array} commitment */
export const leaf_of = ({ id, received_at }, commitment) => utf8(`mar-audit/leaf@v1\n${id}\n${received_at}\n${to_base64(commitment)}\n`);

// ---- The proof file ----

/**
 * @param {Uint8Array} file
 * @returns {Promise<{ disclosure: Disclosure, seq: bigint, path: Uint8Array[], note: Note, checkpoint: Checkpoint }>}
 */
export async function read_proof(file) {
  const whole = text_of(file);
  if (whole === null) throw malformed("the proof is not UTF-8");
  const at = whole.indexOf("\n\n");
  if (at < 0) throw malformed("no empty line parts proof and checkpoint");
  const [head, extra, index, ...hashes] = whole.slice(0, at).split("\n");
  if (head !== "c2sp.org/tlog-proof@v1") throw malformed("the proof's first line is not c2sp.org/tlog-proof@v1");
  const told = extra?.startsWith("extra ") ? from_base64(extra.slice(6)) : null;
  const disclosure = told && text_of(told);
  if (disclosure === null) throw malformed("the proof's second line is not its disclosure in base64");
  const seq = index?.startsWith("index ") ? from_decimal(index.slice(6)) : null;
  if (seq === null) throw malformed("the proof's index is not a plain decimal");
  const path = hashes.map((line) => {
    const hash = from_base64(line, 32);
    if (!hash) throw malformed("a hash of the proof is not base64 of 32 bytes");
    return hash;
  });
  const note = read_note(whole.slice(at + 2));
  return { disclosure: read_disclosure(disclosure), seq, path, note, checkpoint: await read_checkpoint(note.text) };
}

/**
 * Everything a proof file shows, or `Refused`. `seen` keeps what was found until then.
 * @param {Uint8Array} file @param {string[]} vkeys of the log, at least one of which must have signed @param {any} [seen]
 */
export async function verify(file, vkeys, seen = {}) {
  const proof = Object.assign(seen, await read_proof(file));
  const keys = await Promise.all(vkeys.map(read_key));
  // Nothing in the file is believed before this.
  seen.signers = await signers_of(proof.note, proof.checkpoint, keys);
  seen.digests = await Promise.all(proof.disclosure.units.map(digest_of));
  seen.commitment = await commitment_of(seen.digests);
  seen.leaf = leaf_of(proof.disclosure, seen.commitment);
  seen.leaf_hash = await hash_of_leaf(seen.leaf);
  seen.way = [];
  await includes(proof.checkpoint, proof.seq, seen.leaf_hash, proof.path, seen.way);
  return seen;
}

export { Refused, to_base64 };
