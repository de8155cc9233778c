// The proof of an entry as its reader sees it: checked by the browser, step by step, and refused loudly when it is not true.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { hostile, routine } from "./data.js";
import { base64, checkpoint, key_of } from "./evidence.js";
import { open_page, start_browser, start_server } from "./server.js";

const id = (/** @type {number} */ n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const HOSTILE = ["f001", "f002", "f003", "f004"].map((end) => `00000000-0000-4000-8000-00000000${end}`);

describe("the proof of an entry", () => {
  let server, browser, page, now;
  /** Entries that no test before has recorded. @param {number} from @param {number} count */
  const more = (from, count) => routine(from + count, now).slice(from);
  const text = async (/** @type {string} */ path) => (await fetch(server.url + path)).text();
  const proof_of = (/** @type {string} */ id) => text(`/v1/entries/${id}/proof`);

  before(async () => {
    server = await start_server();
    now = Date.now();
    await server.record([...routine(60, now), ...hostile(now)]);
    browser = await start_browser();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  const fresh = async (/** @type {object} */ options = {}) => (page = await open_page(browser, options));
  afterEach(async () => {
    assert.deepEqual(page?.faults.splice(0) ?? [], []);
    await page?.context().close();
    page = null;
  });

  const panel = () => page.locator(".proof");
  /** Waits for a verdict and gives its two lines. @param {string} state */
  const verdict = async (state) => {
    await page.locator(`.proof:is([data-state="ok"], [data-state="bad"], [data-state="unable"])`).waitFor();
    const said = (await panel().locator("[data-say]").allTextContents()).join(" | ");
    assert.equal(await panel().getAttribute("data-state"), state, said);
    return said;
  };
  const words = (/** @type {string} */ step) => panel().locator(`[data-step="${step}"] [data-words]`).textContent();
  const marks = () => panel().locator("[data-step]").evaluateAll((steps) => steps.map((step) => `${step.dataset.step} ${step.dataset.mark ?? ""}`.trim()));
  /** Serves another proof than the server's. @param {(proof: string) => string} change */
  const forge = (change) =>
    page.route("**/v1/entries/*/proof*", async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: change(await answer.text()) });
    });
  const remembered = (/** @type {string} */ organization) => page.evaluate((name) => JSON.parse(localStorage.getItem(name) ?? "null"), `mar_audit_log:${organization}`);

  it("is checked in the browser, and every step can be opened", async () => {
    await fresh();
    await page.goto(`${server.url}/entries/${id(1)}`);
    assert.match(await verdict("ok"), /^Proven in the log \| seq \d+ of \d+ entries · key [0-9a-f]{8}, first seen now$/);
    assert.deepEqual(await marks(), ["units", "commitment", "leaf", "path", "root", "signature", "history", "page"].map((step) => `${step} ok`));
    await panel().locator("> details > summary").click();
    const proof = await proof_of(id(1));
    for (const [step, holds] of [["units", '"bo@acme.example"'], ["leaf", `mar-audit/leaf@v1\n${id(1)}`], ["path", proof.split("\n")[3]], ["root", proof.match(/\n\n.*\n\d+\n(.*)\n/)[1]], ["signature", "/v1/logs/acme+"]]) {
      await panel().locator(`[data-step="${step}"] > summary`).click();
      const shown = await panel().locator(`[data-step="${step}"] [data-body]`).innerText();
      assert.ok(shown.includes(holds), `${step}: ${shown}`);
    }
    assert.match(await words("page"), /^2\d values and the JSON shown here are what is proven$/);
    const [download] = await Promise.all([page.waitForEvent("download"), panel().getByRole("link", { name: "Download proof" }).click()]);
    assert.equal(download.suggestedFilename(), `${id(1)}.tlog-proof`);
  });

  it("holds for every entry, whatever strange text it has, beside the list too", async () => {
    await fresh();
    for (const one of [id(0), id(9), ...HOSTILE]) {
      for (const path of [`/entries/${one}`, `/?limit=100&selected=${one}`]) {
        await page.goto(server.url + path);
        assert.match(await verdict("ok"), /^Proven in the log/);
      }
    }
    await page.goto(`${server.url}/?selected=${id(3)}`);
    await verdict("ok");
    await page.keyboard.press("j");
    await page.locator(`article[data-id="${id(4)}"] .proof[data-state="ok"]`).waitFor();
  });

  it("costs the list nothing", async () => {
    await fresh();
    const asked = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(server.url, { waitUntil: "networkidle" });
    assert.deepEqual(asked.filter((path) => /proof/.test(path)), []);
  });

  it("does not move the page when its verdict arrives", async () => {
    await fresh();
    let release = () => {};
    const held = new Promise((resolve) => (release = () => resolve(undefined)));
    await page.route("**/v1/entries/*/proof*", async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(`${server.url}/entries/${id(1)}`);
    const places = () => page.locator(".details > *").evaluateAll((parts) => parts.map((part) => part.getBoundingClientRect().top));
    const before = await places();
    await page.getByText("Not yet in a checkpoint").waitFor();
    assert.deepEqual(await places(), before);
    release();
    await verdict("ok");
    assert.deepEqual(await places(), before);
  });

  it("follows the log as it grows, by what this browser saw before", async () => {
    await fresh();
    await page.goto(`${server.url}/entries/${id(1)}`);
    await verdict("ok");
    const old = await remembered("acme");
    await server.record(more(60, 20));
    await proof_of(id(60));
    await page.goto(`${server.url}/entries/${id(1)}`);
    assert.match(await verdict("ok"), /known since 20/);
    const now = await remembered("acme");
    assert.ok(BigInt(now.size) > BigInt(old.size));
    assert.equal(await words("history"), `the ${old.size} entries this browser saw before are the first of these ${now.size}`);
  });

  /** What a browser is served instead of the proof, and which step finds it. @type {Record<string, [(proof: string) => string, RegExp]>} */
  const forgeries = {
    "another value": [(proof) => proof.replace(/extra (.*)/, (_, extra) => `extra ${base64(Buffer.from(String(Buffer.from(extra, "base64")).replace("bo@acme", "ed@acme")))}`), /FAILED: Root/],
    "another place": [(proof) => proof.replace(/index \d+/, "index 2"), /FAILED: Root/],
    "a hash too few": [(proof) => proof.replace(/(index .*\n).*\n/, "$1"), /FAILED: Path/],
    "another signature": [(proof) => proof.replace(/(— \S+ )(.*)/, (_, name, line) => name + base64(Buffer.from(line, "base64").map((byte, at) => (at === 9 ? byte ^ 1 : byte)))), /FAILED: Signature/],
    "another tree": [(proof) => proof.replace(/(\n\n.*\n)(\d+)/, (_, head, size) => `${head}${Number(size) + 1}`), /FAILED: Signature/],
    "nothing of a proof": [() => "no", /FAILED: it cannot be read/],
  };
  for (const [name, [change, said]] of Object.entries(forgeries)) {
    it(`is refused with ${name}`, async () => {
      await fresh();
      await forge(change);
      await page.goto(`${server.url}/entries/${id(1)}`);
      assert.match(await verdict("bad"), said);
      assert.equal(await remembered("acme"), null, "nothing of it is remembered");
    });
  }

  it("is refused if it is of another entry", async () => {
    await fresh();
    const other = await proof_of(id(4));
    await forge(() => other);
    await page.goto(`${server.url}/entries/${id(1)}`);
    assert.match(await verdict("bad"), /FAILED: This page \| the proof is of another entry/);
  });

  it("convicts a page that shows something else than the log holds", async () => {
    await fresh();
    let change = (/** @type {string} */ html) => html;
    await page.route("**/entries/0*", async (route) => {
      if (route.request().url().includes("/v1/")) return route.fallback();
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: change(await answer.text()) });
    });
    const changes = [
      [(html) => html.replaceAll("bo@acme.example", "ed@acme.example"), "/actor/email"],
      [(html) => html.replaceAll('data-at="/target/name"><bdi>pay-eu', 'data-at="/target/name"><bdi>pay-us'), "/target/name"],
      [(html) => html.replace('data-at="/request/user_agent"><bdi>mar-cli/2.4</bdi>', 'data-at="/request/user_agent"><span class="none">none</span>'), "/request/user_agent"],
      [(html) => html.replace(/&quot;OPS-1&quot;|"OPS-1"/g, '"OPS-2"'), "raw JSON"],
    ];
    for (const [next, place] of changes) {
      change = /** @type {any} */ (next);
      await page.goto(`${server.url}/entries/${id(1)}`);
      const said = await verdict("bad");
      assert.ok(said.startsWith("Verification FAILED: This page") && said.includes(place), said);
      assert.equal((await marks()).filter((mark) => mark.endsWith(" ok")).length, 7, "the proof itself holds");
    }
  });

  it("is loud about another key than the one it knew, shows both, and lets go only when told", async () => {
    await fresh();
    await page.goto(`${server.url}/entries/${id(1)}`);
    await verdict("ok");
    const known = await remembered("acme");
    const other = key_of(known.origin);
    await forge((proof) => {
      const [, size, root] = proof.match(/\n\n.*\n(\d+)\n(.*)\n/);
      return proof.slice(0, proof.indexOf("\n\n") + 2) + checkpoint(BigInt(size), Buffer.from(root, "base64"), [other]);
    });
    await page.route("**/entries/0*", async (route) => {
      if (route.request().url().includes("/v1/")) return route.fallback();
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: (await answer.text()).replaceAll(known.vkeys[0], other.vkey) });
    });
    await page.goto(`${server.url}/entries/${id(1)}`);
    assert.match(await verdict("bad"), /FAILED: Signature \| not signed by the key that this browser knows since/);
    assert.deepEqual(await remembered("acme"), known);
    await panel().locator("> details > summary").click();
    const conflict = panel().locator("[data-conflict]");
    assert.ok((await conflict.innerText()).includes(known.note.trim().split("\n").at(-1)), "the evidence is shown");
    await conflict.getByRole("button").click();
    await page.locator('.proof[data-state="ok"]').waitFor();
    assert.match(await verdict("ok"), /first seen now/);
    assert.deepEqual((await remembered("acme")).vkeys, [other.vkey]);
    assert.equal(await conflict.isVisible(), false);
  });

  it("takes over a new key that signs beside the known one, and says so", async () => {
    await fresh();
    await page.goto(`${server.url}/entries/${id(1)}`);
    await verdict("ok");
    const known = await remembered("acme");
    const next = key_of(known.origin);
    await forge((proof) => {
      const text = proof.slice(proof.indexOf("\n\n") + 2, proof.lastIndexOf("\n\n") + 1);
      return proof.replace(/\n\n— /, `\n\n${next.line(text)}— `);
    });
    await page.route("**/entries/0*", async (route) => {
      if (route.request().url().includes("/v1/")) return route.fallback();
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: (await answer.text()).replaceAll(`data-keys="${known.vkeys[0]}"`, `data-keys="${next.vkey} ${known.vkeys[0]}"`) });
    });
    await page.goto(`${server.url}/entries/${id(1)}`);
    const [, old_id] = known.vkeys[0].split("+");
    assert.match(await verdict("ok"), new RegExp(`key ${old_id}, known since .* · new key ${next.vkey.split("+")[1]}$`));
    assert.deepEqual((await remembered("acme")).vkeys, [known.vkeys[0], next.vkey]);
  });

  it("is loud about a log that was set back, and about one with two histories", async () => {
    await fresh();
    const before = await proof_of(id(1));
    await server.record(more(80, 3));
    await proof_of(id(80));
    await page.goto(`${server.url}/entries/${id(1)}`);
    await verdict("ok");
    const known = await remembered("acme");
    await forge(() => before);
    await page.goto(`${server.url}/entries/${id(1)}`);
    assert.match(await verdict("bad"), /FAILED: History \| the log had \d+ entries .* set back/);
    await page.unroute("**/v1/entries/*/proof*");
    for (const [size, said] of [[known.size, "two different trees"], ["7", "its history was changed"]]) {
      const forked = { ...known, size, root: base64(Buffer.alloc(32, 1)) };
      await page.evaluate((memory) => localStorage.setItem("mar_audit_log:acme", JSON.stringify(memory)), forked);
      await page.goto(`${server.url}/entries/${id(1)}`);
      const heard = await verdict("bad");
      assert.ok(heard.startsWith("Verification FAILED: History") && heard.includes(said), heard);
    }
  });

  it("says why it cannot be checked, and what to do instead", async () => {
    for (const [without, said] of [
      ["Object.defineProperty(crypto, 'subtle', { value: undefined })", /Cannot be checked here \| browsers give their cryptography only to pages loaded over https/],
      ["SubtleCrypto.prototype.importKey = () => Promise.reject(new DOMException('no', 'NotSupportedError'))", /Cannot be checked here \| this browser has no Ed25519/],
    ]) {
      await fresh();
      await page.addInitScript(String(without));
      await page.goto(`${server.url}/entries/${id(1)}`);
      assert.match(await verdict("unable"), said);
      await panel().locator("> details > summary").click();
      assert.match(await panel().locator(".command code").innerText(), new RegExp(`^mar-audit verify proof ${id(1)}\\.tlog-proof --key '127\\.0\\.0\\.1:\\d+/v1/logs/acme\\+`));
      await page.context().close();
    }
    await fresh();
    page.quiet = true;
    await page.route("**/v1/entries/*/proof*", (route) => route.fulfill({ status: 503, body: "" }));
    await page.goto(`${server.url}/entries/${id(1)}`);
    assert.match(await verdict("unable"), /Cannot be checked now \| the server answered 503/);
  });

  it("can be fetched and checked elsewhere without scripts", async () => {
    await fresh({ javaScriptEnabled: false });
    await page.goto(`${server.url}/entries/${id(1)}`);
    await panel().locator("> details > summary").click();
    const link = panel().getByRole("link", { name: "Download proof" });
    assert.match(await text(await link.getAttribute("href")), /^c2sp\.org\/tlog-proof@v1\n/);
    assert.match(await panel().locator(".command code").innerText(), /mar-audit verify proof .* --key '/);
    assert.match(await panel().innerText(), /Only a key you were given another way/);
    await panel().getByRole("link", { name: "The log and its keys" }).click();
    assert.match(await page.locator("h1").innerText(), /Integrity/);
    assert.equal(await page.getByRole("button", { name: "Verify now" }).isVisible(), false);
  });
});
