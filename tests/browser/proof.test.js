// The verifier of the pages, on the examples of docs/proofs.md, on the vectors of others, and on forgeries.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Refused, is_signed, read_disclosure, read_key, read_note, verify } from "../../assets/proof.js";
import { extends_tree, includes, place_of, tiles_of } from "../../assets/proof-tree.js";
import { ORIGIN, base64, checkpoint, documented_key, example, growth_of, key_of, leaf, leaves, path_of, proof, root_of, sha256, tile, vectors } from "./evidence.js";

const bytes = (/** @type {string} */ text) => new Uint8Array(Buffer.from(text));
const hex = (/** @type {string} */ text) => new Uint8Array(Buffer.from(text, "hex"));
const unbase64 = (/** @type {string} */ text) => new Uint8Array(Buffer.from(text ?? "", "base64"));

/** @param {Promise<unknown> | (() => unknown)} work @param {string | RegExp | undefined} why a step, or words @param {string} [said] */
async function refused(work, why, said) {
  await assert.rejects(
    async () => (typeof work === "function" ? work() : work),
    (error) => {
      assert.ok(error instanceof Refused, `${said}: ${error}`);
      if (typeof why === "string") assert.equal(error.step, why, `${said}: ${error.message}`);
      else if (why) assert.match(error.message, why, said);
      return true;
    },
    said,
  );
}

const key = key_of(ORIGIN, Buffer.alloc(32, 7));
const SALT = base64(Buffer.alloc(16, 9));
const entry = () => ({
  v: 1,
  id: "01983f0c-7d5e-7b3a-9c11-2f6f7a1b3c03",
  received_at: "2026-07-22T16:23:02.123403Z",
  units: [
    { path: "", salt: SALT, value: '{"action":"scaleCluster","result":"success"}' },
    { path: "/actor/email", salt: SALT, value: '"maria@example.com"' },
    { path: "/actor/name", digest: base64(Buffer.alloc(32, 3)) },
    { path: "/context/\uff5e", salt: SALT, value: "1.50" },
    { path: "/context/\u{1f512}", salt: SALT, value: '"\\u001f"' },
  ],
});

describe("the verifier of the pages", () => {
  it("accepts the documented proof under the documented key, and finds what the document says", async () => {
    const found = await verify(bytes(example("proof")), [documented_key()]);
    assert.equal(Buffer.from(found.leaf).toString(), example("leaf"));
    assert.equal(found.seq, 3n);
    assert.equal(found.checkpoint.size, 7n);
    assert.equal(found.way.length, 3);
    assert.deepEqual(found.disclosure, read_disclosure(example("disclosure").trimEnd()));
    assert.deepEqual(found.disclosure.units.map((unit) => unit.path), ["", "/actor/email", "/actor/name", "/context/~0k~1ey"]);
    assert.equal(found.disclosure.units[1].value, undefined, "it is erased");
    assert.equal(found.disclosure.units[2].value, '"Maria\\nRößi"');
  });

  it("accepts proofs of every place in trees of many sizes", async () => {
    for (const size of [1, 2, 3, 5, 8, 31, 33]) {
      for (let seq = 0; seq < size; seq += 1) await verify(bytes(proof(entry(), { seq, size, keys: [key] })), [key.vkey]);
    }
  });

  it("refuses a proof with any bit changed", async () => {
    // All of it open: the path of an erased unit is told, not proven.
    const file = bytes(proof({ ...entry(), units: entry().units.filter((unit) => unit.value) }, { keys: [key] }));
    await verify(file, [key.vkey]);
    for (let at = 0; at < file.length; at += 1) {
      for (const bit of [at % 8, (at + 5) % 8]) {
        const forged = file.slice();
        forged[at] ^= 1 << bit;
        await refused(verify(forged, [key.vkey]), undefined, `bit ${bit} of byte ${at}`);
      }
    }
  });

  it("refuses a proof cut anywhere, or with a byte or a line left out or said twice", async () => {
    const file = Buffer.from(proof(entry(), { keys: [key] }));
    for (let at = 0; at < file.length; at += 1) {
      await refused(verify(new Uint8Array(file.subarray(0, at)), [key.vkey]), undefined, `cut at ${at}`);
      await refused(verify(new Uint8Array(Buffer.concat([file.subarray(0, at), file.subarray(at + 1)])), [key.vkey]), undefined, `without byte ${at}`);
    }
    const lines = String(file).split(/(?<=\n)/);
    for (let at = 0; at < lines.length; at += 1) {
      await refused(verify(bytes(lines.toSpliced(at, 1).join("")), [key.vkey]), undefined, `without ${lines[at]}`);
      const twice = verify(bytes(lines.toSpliced(at, 0, lines[at]).join("")), [key.vkey]);
      // A signature line said twice is one signature.
      if (lines[at].startsWith("—")) await twice;
      else await refused(twice, undefined, `twice ${lines[at]}`);
    }
    for (const more of ["\n", " ", "— x AAAAAAAA\n\n", "\ufeff"]) await refused(verify(bytes(file + more), [key.vkey]), "format", more);
    await refused(verify(bytes(`\ufeff${file}`), [key.vkey]), "format", "a byte order mark");
    await refused(verify(bytes(String(file).replaceAll("\n", "\r\n")), [key.vkey]), "format", "other line ends");
  });

  it("refuses another entry than the proven one, member by member", async () => {
    const told = (/** @type {(e: any) => void} */ change) => {
      const other = entry();
      change(other);
      const file = proof(entry(), { keys: [key] });
      return verify(bytes(file.replace(/^extra .*$/m, `extra ${base64(Buffer.from(JSON.stringify(other)))}`)), [key.vkey]);
    };
    await told(() => {});
    const changes = {
      "another id": (e) => (e.id = e.id.replace("3c03", "3c04")),
      "another time": (e) => (e.received_at = e.received_at.replace("403Z", "404Z")),
      "another value": (e) => (e.units[1].value = '"mario@example.com"'),
      "another spelling of a value": (e) => (e.units[3].value = "1.5"),
      "another salt": (e) => (e.units[1].salt = base64(Buffer.alloc(16, 8))),
      "another path": (e) => (e.units[1].path = "/actor/id"),
      "another digest": (e) => (e.units[2].digest = base64(Buffer.alloc(32, 4))),
      "a unit too few": (e) => e.units.pop(),
      "a unit too many": (e) => e.units.push({ path: "/z", salt: SALT, value: "1" }),
    };
    for (const [name, change] of Object.entries(changes)) await refused(told(change), "root", name);
    // What went is told, not proven: its digest stands for its path too.
    await told((e) => (e.units[2].path = "/actor/on_behalf_of"));
  });

  it("refuses what another key, another log or nobody signed", async () => {
    const other = key_of(ORIGIN);
    const stranger = key_of("elsewhere.example/v1/logs/acme");
    await refused(verify(bytes(proof(entry(), { keys: [other] })), [key.vkey]), "signature", "another key");
    await refused(verify(bytes(proof(entry(), { keys: [stranger] })), [key.vkey]), "signature", "another log");
    await refused(verify(bytes(proof(entry(), { keys: [stranger] })), [stranger.vkey, key.vkey]), "signature", "a key of another log");
    await refused(verify(bytes(proof(entry(), { keys: [key], origin: stranger.name })), [key.vkey]), "signature", "another origin");
    await refused(verify(bytes(proof(entry(), { keys: [] , origin: ORIGIN })), [key.vkey]), "format", "nobody");
    await refused(verify(bytes(proof(entry(), { keys: [key] })), []), "signature", "no key at all");
    // After a rotation both sign; each key alone is enough, and neither may be named in vain.
    const both = proof(entry(), { keys: [other, key] });
    assert.equal((await verify(bytes(both), [key.vkey])).signers.length, 1);
    assert.equal((await verify(bytes(both), [key.vkey, other.vkey])).signers.length, 2);
    const vain = both.split(/(?<=\n)/);
    vain.splice(-1, 1, key.line("another text\n"));
    await refused(verify(bytes(vain.join("")), [other.vkey, key.vkey]), "signature", "a signature of another text");
  });

  it("refuses another place, size or root than what was signed", async () => {
    const file = proof(entry(), { keys: [key] });
    for (const other of ["2", "4", "7", "9223372036854775807"]) await refused(verify(bytes(file.replace("index 3", `index ${other}`)), [key.vkey]), undefined, `index ${other}`);
    for (const other of ["03", "+3", "3 ", "3.0", "-3", "", "9223372036854775808", "0x3"]) await refused(verify(bytes(file.replace("index 3", `index ${other}`)), [key.vkey]), "format", `index ${other}`);
    await refused(verify(bytes(file.replace("\n7\n", "\n8\n")), [key.vkey]), "signature", "another size");
    // Signed by the true key, and still not so.
    const all = leaves(7);
    all[3] = sha256(Buffer.of(0), leaf(entry()));
    const lead = file.slice(0, file.indexOf("\n\n") + 2);
    await verify(bytes(lead + checkpoint(7, root_of(all), [key])), [key.vkey]);
    await refused(verify(bytes(lead + checkpoint(7, root_of(leaves(7)), [key])), [key.vkey]), "root", "another root");
    await refused(verify(bytes(lead + checkpoint(3, root_of(all), [key])), [key.vkey]), "path", "a smaller tree");
    await refused(verify(bytes(lead + checkpoint(70, root_of(all), [key])), [key.vkey]), "path", "a larger tree");
    await refused(verify(bytes(lead + checkpoint(0, root_of(all), [key])), [key.vkey]), "format", "an empty tree with a root");
  });

  it("reads one spelling of a disclosure", async () => {
    const true_one = JSON.stringify(entry());
    assert.deepEqual(read_disclosure(true_one).units.length, 5);
    /** @type {Record<string, string>} */
    const others = {
      blank: true_one.replace('{"v"', '{ "v"'),
      "another version": true_one.replace('"v":1', '"v":2'),
      "a float": true_one.replace('"v":1', '"v":1.0'),
      "a member more": true_one.replace(/}$/, ',"x":1}'),
      "a member twice": true_one.replace('"v":1,', '"v":1,"v":1,'),
      "another order": true_one.replace(/"id":"[^"]*",("received_at":"[^"]*")/, "$1,$&").replace(/,"received_at":"[^"]*","units"/, ',"units"'),
      "an escape too long": true_one.replace("scaleCluster", "\\u0073caleCluster"),
      "an escaped slash": true_one.replace('"/actor/email"', '"\\/actor/email"'),
      "capital hex": true_one.replace("\\\\u001f", "\\u001F"),
      "a lone surrogate": true_one.replace("scaleCluster", "\\ud800"),
      "salt and digest": true_one.replace('"digest"', `"salt":"${SALT}","value":"1","digest"`),
      "no value": true_one.replace(/,"value":"1.50"/, ""),
      "a value that is null": true_one.replace('"1.50"', "null"),
      "a value that is no text": true_one.replace('"1.50"', "1.5"),
      "a digest that is null": true_one.replace(/"digest":"[^"]*"/, '"digest":null'),
      "a short salt": true_one.replace(SALT, base64(Buffer.alloc(15, 9))),
      "a salt without padding": true_one.replace(SALT, SALT.slice(0, -2)),
      "stray bits": true_one.replace(SALT, `${SALT.slice(0, -3)}R==`),
      "an upper-case id": true_one.replace("01983f0c", "01983F0C"),
      "a day that never was": true_one.replace("2026-07-22", "2026-02-30"),
      "second 60": true_one.replace(":02.", ":60."),
      "hour 24": true_one.replace("T16:23:02.123403", "T24:00:00.000000"),
      "year 0": true_one.replace("2026-07-22", "0000-07-22"),
      "no units": true_one.replace(/"units":.*/, '"units":[]}'),
      "a unit that is null": true_one.replace(/"units":\[/, '"units":[null,'),
      "units that are text": true_one.replace(/"units":.*/, '"units":"x"}'),
      "no first unit": JSON.stringify({ ...entry(), units: entry().units.slice(1) }),
      "units out of order": JSON.stringify({ ...entry(), units: entry().units.with(1, entry().units[2]).with(2, entry().units[1]) }),
      "units in the order of UTF-16": JSON.stringify({ ...entry(), units: entry().units.with(3, entry().units[4]).with(4, entry().units[3]) }),
      "a unit twice": JSON.stringify({ ...entry(), units: entry().units.toSpliced(1, 0, entry().units[1]) }),
      "a unit inside another": JSON.stringify({ ...entry(), units: [...entry().units, { path: "/context/\u{1f512}/x", salt: SALT, value: "1" }] }),
      "a unit inside another, one between": JSON.stringify({ ...entry(), units: [...entry().units.slice(0, 2), { path: "/actor/email!", salt: SALT, value: "1" }, { path: "/actor/email/x", salt: SALT, value: "1" }] }),
      "no pointer": JSON.stringify({ ...entry(), units: [...entry().units, { path: "/~2", salt: SALT, value: "1" }] }),
      "something after it": `${true_one}\n`,
      "null": "null",
      "nothing": "",
    };
    for (const [name, text] of Object.entries(others)) {
      assert.notEqual(text, true_one, name);
      await refused(() => read_disclosure(text), "format", name);
    }
  });

  it("reads one spelling of keys and notes", async () => {
    const [name, id, raw] = key.vkey.split("+");
    assert.equal((await read_key(key.vkey)).name, ORIGIN);
    const wrong = ["", name, `${name}+${id}`, `${name}+${id}+${raw} `, `${name}+${id.toUpperCase()}f+${raw}`, `${name}+00000000+${raw}`, `x${key.vkey}`, `${name} +${id}+${raw}`];
    wrong.push(`${name}+${id}+${base64(Buffer.concat([Buffer.of(4), Buffer.from(raw, "base64").subarray(1)]))}`);
    for (const vkey of wrong) await refused(read_key(vkey), "format", vkey);
    // Under a key of small order anyone can sign.
    const small = Buffer.concat([Buffer.of(1), Buffer.alloc(32)]);
    const small_id = sha256(`${name}\n`, small).subarray(0, 4).toString("hex");
    await refused(read_key(`${name}+${small_id}+${base64(small)}`), /anyone can sign/);

    const note = checkpoint(7, root_of(leaves(7)), [key]);
    assert.equal(read_note(note).signatures.length, 1);
    const line = key.line("x\n");
    /** @type {Record<string, string>} */
    const notes = {
      "no empty line": note.replace("\n\n", "\n"),
      "no signature": note.replace(/—.*\n/, ""),
      "no end": note.slice(0, -1),
      "a hyphen for a dash": note.replace("—", "-"),
      "two blanks": note.replace("— ", "—  "),
      "a tab in the text": note.replace("\n7\n", "\n7\t\n"),
      "a return in the text": note.replace("\n7\n", "\r\n7\n"),
      "a name with a plus": note.replace(/— \S+/, "— a+b"),
      "a name with an odd blank": note.replace(/— \S+/, "— a\u0085b"),
      "only a key id": note.replace(/(— \S+ ).*/, "$1AAAAAA=="),
      "no padding": note.replace(/=*\n$/, "\n"),
      "101 signatures": note + line.repeat(100),
      "a million bytes": `${"x".repeat(1_000_000)}\n\n${line}`,
    };
    for (const [what, text] of Object.entries(notes)) {
      assert.notEqual(text, note, what);
      await refused(() => read_note(text), "format", what);
    }
    assert.equal(read_note(note + line.repeat(99)).signatures.length, 100);
  });

  it("holds Ed25519 as strictly as Wycheproof", async () => {
    let seen = 0;
    for (const row of vectors("wycheproof_ed25519.tsv").trim().split("\n")) {
      const [number, result, raw, message, signature, comment] = row.split("\t");
      assert.equal(await is_signed(hex(raw), hex(message), hex(signature)), result === "valid", `${number}: ${comment}`);
      seen += 1;
    }
    assert.ok(seen > 100, `${seen} vectors`);
    // Points of small order and of two spellings, with which a browser alone might be content.
    const identity = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
    assert.equal(await is_signed(new Uint8Array(identity), bytes("any"), new Uint8Array(Buffer.concat([identity, Buffer.alloc(32)]))), false);
  });

  it("agrees with the vectors of transparency-dev on inclusion and growth", async () => {
    const inclusion = JSON.parse(vectors("inclusion.json"));
    for (const v of inclusion) {
      const tree = { size: BigInt(v.treeSize), root: unbase64(v.root) };
      // A hash of another length is not read at all.
      if ([tree.root, unbase64(v.leafHash)].some((hash) => hash.length !== 32)) continue;
      const checked = includes(tree, BigInt(v.leafIdx), unbase64(v.leafHash), (v.proof ?? []).map(unbase64));
      if (v.wantErr) await refused(checked, undefined, v.file);
      else await checked;
    }
    const consistency = JSON.parse(vectors("consistency.json"));
    for (const v of consistency) {
      const [old, tree] = [{ size: BigInt(v.size1), root: unbase64(v.root1) }, { size: BigInt(v.size2), root: unbase64(v.root2) }];
      const checked = extends_tree(tree, old, (v.proof ?? []).map(unbase64));
      // Of an empty tree there is nothing to prove; the rest is as they say.
      if (v.wantErr || v.size1 === 0) await refused(checked, undefined, v.file);
      else await checked;
    }
    assert.ok(inclusion.length > 50 && consistency.length > 50);
  });

  it("accepts the growth between all sizes to 20, and no other path", async () => {
    const all = leaves(20);
    for (let size = 1; size <= 20; size += 1) {
      const tree = { size: BigInt(size), root: root_of(all.slice(0, size)) };
      for (let old = 1; old <= size; old += 1) {
        const before = { size: BigInt(old), root: root_of(all.slice(0, old)) };
        const path = growth_of(old, all.slice(0, size));
        await extends_tree(tree, before, path);
        await refused(extends_tree(tree, { ...before, root: sha256("x") }, path), "growth", `${old} to ${size}`);
        await refused(extends_tree(tree, before, [...path, sha256("x")]), "growth", "too long");
        if (path.length > 0) {
          await refused(extends_tree({ ...tree, root: sha256("x") }, before, path), "growth", "another root");
          await refused(extends_tree(tree, before, path.slice(1)), "growth", "too short");
        }
      }
      await refused(includes(tree, BigInt(size), all[0], []), "path", "beyond the end");
      await includes(tree, 0n, all[0], path_of(0, all.slice(0, size)));
    }
  });
});

describe("tiles", () => {
  it("are named as C2SP names them", () => {
    for (const [index, path] of [[0n, "000"], [5n, "005"], [999n, "999"], [1000n, "x001/000"], [1234067n, "x001/x234/067"]]) assert.equal(place_of(/** @type {bigint} */ (index)), path);
  });

  const all = leaves(66_000);
  /** @type {Map<unknown, any>} */
  const made = new Map();
  /** @template T @param {unknown} name @param {() => T} make @returns {T} */
  const once = (name, make) => {
    if (!made.has(name)) made.set(name, make());
    return made.get(name);
  };
  const root = (/** @type {number} */ n) => once(n, () => root_of(all.slice(0, n)));
  /** @param {number} size @param {(path: string, bytes: Buffer) => Uint8Array} [change] */
  const tiles = (size, change = (_, found) => new Uint8Array(found)) =>
    tiles_of({ size: BigInt(size), root: root(size) }, async (path) => {
      const found = once(`${size} ${path}`, () => tile(all.slice(0, size), path));
      assert.ok(found, `${path} is asked of a tree of ${size}`);
      return change(path, found);
    });

  it("make the root and the growth at their edges", async () => {
    for (const [old, size] of [[0, 0], [1, 1], [1, 2], [200, 255], [255, 256], [256, 257], [1, 600], [511, 513], [300, 65_536], [65_535, 65_537], [256, 66_000], [65_999, 66_000]]) {
      const edge = tiles(size);
      await edge.authenticate();
      if (old === 0) continue;
      const path = await edge.consistency(BigInt(old));
      assert.deepEqual(path.map(base64), growth_of(old, all.slice(0, size)).map(base64), `${old} to ${size}`);
      await extends_tree({ size: BigInt(size), root: root(size) }, { size: BigInt(old), root: root(old) }, path);
    }
  });

  it("that are not of the tree are refused, whichever they are", async () => {
    const honest = tiles(66_000);
    await honest.consistency(300n);
    assert.ok(honest.paths().length >= 5, honest.paths().join(" "));
    for (const forged of honest.paths()) {
      const change = (/** @type {string} */ path, /** @type {Buffer} */ found) => {
        const bytes = new Uint8Array(found);
        if (path === forged) bytes[bytes.length - 7] ^= 1;
        return bytes;
      };
      await refused(tiles(66_000, change).consistency(300n), "tiles", forged);
      const short = (/** @type {string} */ path, /** @type {Buffer} */ found) => new Uint8Array(found).subarray(path === forged ? 1 : 0);
      await refused(tiles(66_000, short).consistency(300n), "tiles", forged);
    }
  });

  it("of a fork give no growth, though each of them is true", async () => {
    const forked = all.with(100, sha256("another"));
    const old = { size: 300n, root: root_of(forked.slice(0, 300)) };
    const path = await tiles(700).consistency(300n);
    await refused(extends_tree({ size: 700n, root: root(700) }, old, path), "growth");
  });
});
