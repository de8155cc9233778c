// Checks proofs as docs/proofs.md describes them: keys, notes, checkpoints, disclosures, .tlog-proof files.
//
// Bytes in; evidence, or `Refused`, out. The server is never asked whether it is honest. Every format has one spelling.

import { Refused, demand, from_base64, from_decimal, hash_of_leaf, includes, same, sha256, text_of, to_base64, utf8 } from "./proof-tree.js";

/** @typedef {{ vkey: string, name: string, id: string, raw: Uint8Array }} Key a log's */
/** @typedef {{ text: string, signatures: { name: string, id: string, bytes: Uint8Array }[], whole: string }} Note */
/** @typedef {{ origin: string, size: bigint, root: Uint8Array }} Checkpoint */
/** @typedef {{ path: string, salt: Uint8Array, value?: string, digest?: Uint8Array }} Unit open, or erased: a digest */
/** @typedef {{ id: string, received_at: string, units: Unit[] }} Disclosure */
const need = (holds, why) => demand(holds, "format", why);

function bytes_of(text, what, length) {
  const bytes = from_base64(text, length);
  need(bytes, `${what} is not base64${length ? ` of ${length} bytes` : ""}`);
  return bytes;
}

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

const number_of = (bytes) => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

/** A point in its one encoding, and not of small order. */
function is_sound(bytes) {
  const y = number_of(bytes) & ((1n << 255n) - 1n);
  return y < FIELD && !SMALL.includes(y);
}

const imported = (raw) => crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
const is_unknown = (error) => error?.name === "NotSupportedError";

/** Strictly: browsers differ in what they let pass beyond. */
export async function is_signed(raw, message, signature) {
  if (signature.length !== 64 || number_of(signature.subarray(32)) >= ORDER) return false;
  if (!is_sound(raw) || !is_sound(signature.subarray(0, 32))) return false;
  try {
    return await crypto.subtle.verify("Ed25519", await imported(raw), signature, message);
  } catch (error) {
    if (is_unknown(error)) throw error;
    return false; // not a point of the curve
  }
}

/** Why nothing can be checked here, or null. */
export async function obstacle() {
  if (!globalThis.crypto?.subtle) return "browsers give their cryptography only to pages loaded over https, or from the same machine";
  try {
    await imported(new Uint8Array(32));
  } catch (error) {
    if (is_unknown(error)) return "this browser has no Ed25519";
  }
  return null;
}

const is_name = (name) => /^[^\p{White_Space}+\0-\x1f]+$/u.test(name);
const to_hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** A log's vkey. */
export async function read_key(vkey) {
  const [name, id, ...rest] = vkey.split("+");
  const key = bytes_of(rest.join("+"), "a key", 33);
  need(is_name(name) && key[0] === 1, "a key is not <name>+<id>+<key> of a log");
  const hash = await sha256(utf8(`${name}\n`), key);
  need(to_hex(hash.subarray(0, 4)) === id, "a key's id is not that of its name and key");
  need(is_sound(key.subarray(1)), "a key is one under which anyone can sign");
  return { vkey, name, id, raw: key.subarray(1) };
}

export function read_note(whole) {
  const at = whole.lastIndexOf("\n\n");
  need(at >= 0 && utf8(whole).length <= 1_000_000, "a note has no empty line, or is longer than a million bytes");
  const text = whole.slice(0, at + 1);
  need(!/[\0-\x09\x0b-\x1f]/.test(text), "a note has a control character");
  const lines = whole.slice(at + 2).split("\n");
  need(lines.pop() === "" && lines.length > 0 && lines.length <= 100, "a note does not end in 1 to 100 signature lines");
  const signatures = lines.map((line) => {
    const [dash, name, base64, more] = line.split(" ");
    need(dash === "—" && is_name(name ?? "") && base64 && more === undefined, "a signature line is not — <name> <base64>");
    const bytes = bytes_of(base64, "a signature");
    need(bytes.length > 4, "a signature is only a key id");
    return { name, id: to_hex(bytes.subarray(0, 4)), bytes: bytes.subarray(4) };
  });
  return { text, signatures, whole };
}

export async function read_checkpoint(text) {
  const [origin, size_text, root_text, ...more] = text.split("\n");
  need(more.pop() === "" && origin && !more.includes(""), "a checkpoint is not three lines or more, none of them empty");
  const size = (from_decimal(size_text));
  need(size !== null, "a checkpoint's size is not a plain decimal");
  const root = bytes_of(root_text, "a checkpoint's root", 32);
  need(size > 0n || same(root, await sha256()), "a checkpoint's root is not that of an empty tree");
  return { origin, size, root };
}

/** Which of the keys signed: at least one, and none is named in vain. @param {Note} note @param {Checkpoint} checkpoint @param {Key[]} keys */
export async function signers_of(note, checkpoint, keys) {
  const signers = [];
  for (const key of keys) {
    demand(key.name === checkpoint.origin, "signature", `the checkpoint is of ${checkpoint.origin}, the key of ${key.name}`);
    const lines = note.signatures.filter((line) => line.name === key.name && line.id === key.id);
    for (const line of lines) demand(await is_signed(key.raw, utf8(note.text), line.bytes), "signature", `key ${key.id} did not make its signature over this checkpoint`);
    if (lines.length > 0) signers.push(key);
  }
  demand(signers.length > 0, "signature", "no known key of this log signed the checkpoint");
  return signers;
}

// ---- Entries ----
function is_time(text) {
  const seconds = text.slice(0, 19);
  // A day that never was is read as another, or as none.
  return /^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(text) && JSON.stringify(new Date(`${seconds}Z`)).startsWith(`"${seconds}`);
}

export function read_disclosure(text) {
  let told;
  try {
    told = JSON.parse(text);
  } catch {
    need(false, "a disclosure is no JSON");
  }
  const units = Array.isArray(told?.units) ? told.units.map(Object) : [];
  const strings = [told?.id, told?.received_at, ...units.flatMap((u) => ("digest" in u ? [u.path, u.digest] : [u.path, u.salt, u.value]))];
  need(strings.every((string) => typeof string === "string" && !/\p{Surrogate}/u.test(string)), "a disclosure has a member that is no text");
  const written = (u) => `{"path":${JSON.stringify(u.path)},${"digest" in u ? `"digest":"${u.digest}"` : `"salt":"${u.salt}","value":${JSON.stringify(u.value)}`}}`;
  // Read, written, compared: any other spelling of the same is another text.
  need(text === `{"v":1,"id":"${told.id}","received_at":"${told.received_at}","units":[${units.map(written)}]}`, "a disclosure is not in its one spelling");
  need(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(told.id), "an entry's id is not a lower-case UUID");
  need(is_time(told.received_at), "received_at is not a time of the one form");
  check_paths(units.map((unit) => unit.path));
  const read = ({ path, salt, value, digest }) => (digest === undefined ? { path, salt: bytes_of(salt, "a salt", 16), value } : { path, digest: bytes_of(digest, "a digest", 32) });
  return { id: told.id, received_at: told.received_at, units: units.map(read) };
}

/** By their bytes, which is not how this language orders texts. */
function is_before(a, b) {
  const at = a.findIndex((byte, n) => byte !== b[n]);
  return at < 0 ? a.length < b.length : a[at] < b[at];
}

function check_paths(paths) {
  need(paths[0] === "" && paths.length <= 65535, "the first unit's path is not empty, or there are too many");
  // Earlier paths with which the one at hand begins; ascending, they follow one another, so none is missed.
  let begins = [];
  let before = utf8("");
  for (const path of paths.slice(1)) {
    const bytes = utf8(path);
    need(bytes.length <= 65535 && path.startsWith("/") && !/~(?![01])/.test(path), "a unit's path is not an RFC 6901 pointer");
    need(is_before(before, bytes), "the units' paths do not ascend");
    begins = begins.filter((outer) => path.startsWith(outer));
    need(!begins.some((outer) => path[outer.length] === "/"), "a unit's path lies inside another");
    begins.push(path);
    before = bytes;
  }
}

const u16 = (number) => Uint8Array.of(number >> 8, number & 255);

async function digest_of({ path, salt, value, digest }) {
  const name = utf8(path);
  return digest ?? sha256(utf8("mar/f1"), salt, u16(name.length), name, utf8(value));
}

// ---- The proof file ----
async function read_proof(file) {
  const whole = text_of(file);
  const at = whole?.indexOf("\n\n") ?? -1;
  need(whole !== null && at >= 0, "the proof is not UTF-8, or has no empty line");
  const [head, extra, index, ...hashes] = whole.slice(0, at).split("\n");
  need(head === "c2sp.org/tlog-proof@v1" && extra?.startsWith("extra ") && index?.startsWith("index "), "the proof does not begin with its three lines");
  const disclosure = text_of(bytes_of(extra.slice(6), "the disclosure"));
  const seq = (from_decimal(index.slice(6)));
  need(disclosure !== null && seq !== null, "the disclosure is not UTF-8, or the index is not a plain decimal");
  const path = hashes.map((hash) => bytes_of(hash, "a hash of the path", 32));
  const note = read_note(whole.slice(at + 2));
  return { disclosure: read_disclosure(disclosure), seq, path, note, checkpoint: await read_checkpoint(note.text) };
}

/**
 * All that a proof file shows, or `Refused`; `seen` keeps what was found until then.
 * @param {Uint8Array} file @param {string[]} vkeys of the log, at least one of which must have signed @param {any} [seen]
 */
export async function verify(file, vkeys, seen = {}) {
  const { disclosure, seq, path, note, checkpoint } = Object.assign(seen, await read_proof(file));
  // Nothing in the file is believed before this.
  seen.signers = await signers_of(note, checkpoint, await Promise.all(vkeys.map(read_key)));
  seen.digests = await Promise.all(disclosure.units.map(digest_of));
  seen.commitment = await sha256(utf8("mar/c1"), u16(seen.digests.length), ...seen.digests);
  seen.leaf = utf8(`mar-audit/leaf@v1\n${disclosure.id}\n${disclosure.received_at}\n${to_base64(seen.commitment)}\n`);
  seen.leaf_hash = await hash_of_leaf(seen.leaf);
  seen.way = [];
  await includes(checkpoint, seq, seen.leaf_hash, path, seen.way);
  seen.rooted = true;
  return seen;
}

export { Refused };
