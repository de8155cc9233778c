// What a browser remembers of a log, and how the log is held to it; what is proven of an entry, and how the page is held to that.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Refused, read_checkpoint, read_note } from "../../assets/proof.js";
import { assemble, compare, read_json } from "../../assets/proof-entry.js";
import { hold } from "../../assets/proof-memory.js";
import { ORIGIN, base64, checkpoint, key_of, leaves, root_of, tile } from "./evidence.js";

/** @param {Promise<unknown> | (() => unknown)} work @param {string} step @param {string} [said] */
const refused = (work, step, said) =>
  assert.rejects(
    async () => (typeof work === "function" ? work() : work),
    (error) => {
      assert.ok(error instanceof Refused, `${said}: ${error.stack}`);
      assert.equal(error.step, step, `${said}: ${error.message}`);
      return true;
    },
    said,
  );

describe("a remembered log", () => {
  const [key, other, stranger] = [key_of(ORIGIN), key_of(ORIGIN), key_of("elsewhere.example/v1/logs/acme")];
  const all = leaves(600);
  /** @param {number} size @param {{ of?: Uint8Array[], keys?: any[] }} how */
  const signed = (size, { of = all, keys = [key] } = {}) => checkpoint(size, root_of(of.slice(0, size)), keys);
  /** @param {string} whole @param {any[]} keys */
  const known = async (whole, keys = [key]) => {
    const { origin, size, root } = await read_checkpoint(read_note(whole).text);
    return { origin, vkeys: keys.map((k) => k.vkey), size: String(size), root: base64(root), note: whole, since: "2026-10-01T00:00:00.000Z" };
  };
  /** @param {any} memory @param {any[]} told @param {string} whole @param {Uint8Array[]} [of] */
  const held = async (memory, told, whole, of = all) => {
    const note = read_note(whole);
    const shown = await read_checkpoint(note.text);
    const fetched = async (/** @type {string} */ path) => new Uint8Array(tile(of.slice(0, Number(shown.size)), path) ?? assert.fail(path));
    return hold(memory, told.map((k) => k.vkey), note, shown, fetched);
  };

  it("is taken as told the first time, and only if the told key signed", async () => {
    const first = await held(null, [key], signed(300));
    assert.deepEqual([first.signers.length, first.fresh.length, first.grown], [1, 0, null]);
    await refused(held(null, [other], signed(300)), "signature");
    await refused(held(null, [], signed(300)), "signature");
    await refused(held(null, [stranger], signed(300)), "signature");
  });

  it("may grow, and stay", async () => {
    for (const [old, size] of [[300, 300], [1, 600], [256, 257], [255, 600], [599, 600], [0, 5]]) {
      const { grown } = await held(await known(signed(old)), [key], signed(size));
      assert.equal(grown?.old.size, BigInt(old));
      assert.equal((grown?.tiles.length ?? 0) > 0, old > 0 && old < size, `${old} to ${size}`);
    }
  });

  it("may not shrink, nor have two histories", async () => {
    await refused(held(await known(signed(300)), [key], signed(299)), "rollback");
    const forked = all.with(17, leaves(1, "forged")[0]);
    await refused(held(await known(signed(300)), [key], signed(300, { of: forked })), "fork", "of one size");
    await refused(held(await known(signed(300)), [key], signed(500, { of: forked }), forked), "fork", "grown");
    await refused(held(await known(signed(300)), [key], signed(500, { of: forked }), all), "tiles", "tiles of the old tree under the new root");
  });

  it("may not call itself otherwise", async () => {
    await refused(held(await known(signed(300)), [stranger], signed(400, { keys: [stranger] })), "origin");
  });

  it("may not change its key, but by a checkpoint that the known one signs too", async () => {
    const memory = await known(signed(300));
    await refused(held(memory, [other], signed(400, { keys: [other] })), "key");
    await refused(held(memory, [other, key], signed(400, { keys: [other] })), "key", "the known key only named");
    const rotated = await held(memory, [other, key], signed(400, { keys: [other, key] }));
    assert.deepEqual([rotated.signers.map((k) => k.vkey), rotated.fresh.map((k) => k.vkey)], [[key.vkey, other.vkey], [other.vkey]]);
    // A key that is told and did not sign is not taken over.
    assert.equal((await held(memory, [key, other], signed(400))).fresh.length, 0);
    // Nor one that is named in vain.
    const vain = signed(400) + other.line("something else\n");
    await refused(held(memory, [key, other], vain), "signature");
    assert.equal((await held(memory, [key], vain)).signers.length, 1, "of an unknown key nothing is known");
  });
});

describe("a proven entry", () => {
  const units = [
    { path: "", value: '{"action":"a","actor":{"type":"user"},"context":{},"n":[1.50,-0,1e400,12345678901234567890],"nothing":null}' },
    { path: "/actor/email", value: '"maria@\u202eexample.com"' },
    { path: "/actor/name", digest: new Uint8Array(32) },
    { path: "/context/a~1b~0", value: '{"x":[true,{}]}' },
    { path: "/request/ip", value: '""' },
  ];
  const proof = { disclosure: { id: "i", received_at: "2026-11-23T00:00:00.000000Z", units }, seq: 7n };
  const raw = `{
    "action": "a", "actor": {"email": "maria@\\u202eexample.com", "type": "user"}, "context": {"a/b~": {"x": [true, {}]}},
    "erased": [{"entry": "e", "path": "/actor/name"}], "n": [1.50, -0, 1e400, 12345678901234567890], "nothing": null,
    "received_at": "2026-11-23T00:00:00.000000Z", "request": {"ip": ""}, "seq": 7 }`;
  const shown = [
    { at: "/actor/email", text: "maria@\u202eexample.com", erased: false },
    { at: "/actor/name", text: "", erased: true },
    { at: "/actor/id", text: undefined, erased: false },
    { at: "/request/ip", text: "", erased: false },
    { at: "/n/0", text: "1.50", erased: false },
    { at: "/seq", text: "7", erased: false },
    { at: "/received_at", text: "2026-11-23T00:00:00.000000Z", erased: false },
  ];

  it("is put together from its units, each at its place", () => {
    const entry = assemble(proof.disclosure);
    assert.deepEqual(entry.get("context"), new Map([["a/b~", new Map([["x", [{ text: "true" }, new Map()]]])]]));
    assert.deepEqual(entry.get("request"), new Map([["ip", ""]]));
    assert.equal(entry.get("actor").has("name"), false);
    for (const path of ["/action", "/action/x", "/actor/type", "/n/0/x"]) {
      assert.throws(() => assemble({ ...proof.disclosure, units: [...units, { path, value: "1" }] }), Refused, path);
    }
  });

  it("is what the page shows", () => {
    assert.equal(compare(proof, shown, raw), shown.length);
    assert.equal(compare(proof, shown, null), shown.length);
  });

  it("is compared with the page character by character", async () => {
    const others = { "another letter": { text: "mario@\u202eexample.com" }, "nothing hidden": { text: "maria@example.com" }, "nothing": { text: undefined }, "erased": { erased: true } };
    for (const [name, change] of Object.entries(others)) await refused(() => compare(proof, shown.with(0, { ...shown[0], ...change }), null), "page", name);
    await refused(() => compare(proof, shown.with(1, { at: "/actor/name", text: "Maria", erased: false }), null), "page", "what was erased");
    await refused(() => compare(proof, shown.with(2, { at: "/actor/id", text: "usr_1", erased: false }), null), "page", "what never was");
    await refused(() => compare(proof, shown.with(4, { at: "/n/0", text: "1.5", erased: false }), null), "page", "another spelling of a number");
    const raws = [["1.50", "1.5"], ["-0", "0"], ["890]", "891]"], ["1e400", "1e401"], ["true", "false"], ["null", '"null"'], ['"a/b~"', '"a/b"'], ["{}", "[]"], ['"seq": 7', '"seq": 8'], [".000000Z", ".000001Z"], ['"path": "/actor/name"', '"path": "/actor/id"'], ['"erased": [{"entry": "e", "path": "/actor/name"}], ', ""], ['"request": {"ip": ""}', '"request": {}'], ['"seq"', '"more": 1, "seq"']];
    for (const [from, to] of raws) {
      assert.ok(raw.includes(from), from);
      await refused(() => compare(proof, shown, raw.replace(from, to)), "page", `${from} to ${to}`);
    }
  });

  it("is read as JSON that keeps the text of numbers, or not at all", () => {
    assert.deepEqual(read_json(' {"a" : [ 1.0 , "x\\"]" ] , "b":{} } '), new Map([["a", [{ text: "1.0" }, 'x"]']], ["b", new Map()]]));
    for (const wrong of ["", "{", "[1", "[1 2]", '{"a":1,"a":2}', '{"a" 1}', "{1:2}", "01", "nul", "[,]", '"\\x"']) assert.throws(() => read_json(wrong), Refused, wrong);
  });
});
