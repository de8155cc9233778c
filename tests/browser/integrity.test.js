// The page of the logs: what is signed, by which key, how to verify it from outside; and verified in the browser when asked.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { verify } from "../../assets/proof.js";
import { routine } from "./data.js";
import { base64 } from "./evidence.js";
import { open_page, start_browser, start_server } from "./server.js";

describe("integrity", () => {
  let server, empty, browser, page;

  before(async () => {
    [server, empty] = await Promise.all([start_server(), start_server()]);
    await server.record(routine(900, Date.now()));
    browser = await start_browser();
  });
  after(async () => {
    await browser?.close();
    await Promise.all([server?.stop(), empty?.stop()]);
  });
  afterEach(async () => {
    assert.deepEqual(page?.faults.splice(0) ?? [], []);
    await page?.context().close();
    page = null;
  });

  const text = async (/** @type {string} */ path) => (await fetch(server.url + path)).text();
  /** Once the log has signed all of it. @param {string} organization */
  const signed = async (organization) => {
    const id = `00000000-0000-4000-8000-${String(organization === "acme" ? 898 : 899).padStart(12, "0")}`;
    await text(`/v1/entries/${id}/proof`);
  };
  const verdict = async (/** @type {string} */ state) => {
    await page.getByRole("button", { name: "Verify now" }).click();
    await page.locator(`.proof:is([data-state="ok"], [data-state="bad"], [data-state="unable"])`).waitFor();
    const said = (await page.locator(".proof [data-say]").allTextContents()).join(" | ");
    assert.equal(await page.locator(".proof").getAttribute("data-state"), state, said);
    return said;
  };

  it("is a link away, and shows each log with its newest checkpoint and key", async () => {
    await signed("acme");
    page = await open_page(browser);
    await page.goto(server.url);
    await page.getByRole("link", { name: "Integrity" }).click();
    await page.waitForURL(/\/integrity$/);
    const note = await text("/v1/logs/acme/checkpoint");
    const [origin, size, root] = note.split("\n");
    const shown = await page.locator("main").innerText();
    for (const said of [origin, Number(size).toLocaleString("en"), root]) assert.ok(shown.includes(said), `${said} in ${shown}`);
    await page.getByRole("link", { name: /^globex/ }).click();
    await page.waitForURL(/organization=globex$/);
    assert.match(await page.locator("main").innerText(), /\/v1\/logs\/globex\+/);
    page.quiet = true;
    assert.equal((await page.goto(`${server.url}/integrity?organization=nobody`)).status(), 404);
  });

  it("gives out the key and the checkpoint that verify its proofs", async () => {
    page = await open_page(browser);
    await page.goto(`${server.url}/integrity?organization=acme`);
    const get = async (/** @type {string} */ name) => text(await page.getByRole("link", { name, exact: true }).getAttribute("href"));
    const vkeys = (await get("Key")).trim().split("\n");
    assert.equal(vkeys.length, 1);
    assert.match(await get("Checkpoint"), /\/v1\/logs\/acme\n\d+\n/);
    const proof = new Uint8Array(Buffer.from(await text("/v1/entries/00000000-0000-4000-8000-000000000001/proof")));
    assert.equal((await verify(proof, vkeys)).signers.length, 1);
    for (const command of await page.locator(".command code").allInnerTexts()) {
      assert.ok(command.includes(server.url) || command.includes(vkeys[0]), command);
    }
  });

  it("verifies in the browser: signature, tree, and that the log continues what was seen", async () => {
    page = await open_page(browser);
    await page.goto(`${server.url}/integrity?organization=acme`);
    assert.match(await verdict("ok"), /nothing was taken back \| \d+ entries · key [0-9a-f]{8}, first seen now/);
    assert.match(await page.locator('[data-step="tiles"] [data-words]').innerText(), /^they make the root over 6\d\d entries$/);
    const old = await page.evaluate(() => JSON.parse(localStorage.getItem("mar_audit_log:acme")));
    const later = routine(2, Date.now()).map((entry, n) => ({ ...entry, id: `00000000-0000-4000-8000-00000000a00${n}` }));
    await server.record(later);
    await text(`/v1/entries/${later[0].id}/proof`);
    await page.reload();
    assert.match(await verdict("ok"), /known since/);
    assert.match(await page.locator('[data-step="history"] [data-words]').innerText(), new RegExp(`^the ${old.size} entries this browser saw before are the first of these`));
  });

  it("refuses tiles that are not of the tree, and a log that was set back", async () => {
    page = await open_page(browser);
    await page.route("**/tile/0/**", async (route) => {
      const answer = await route.fetch();
      const bytes = await answer.body();
      bytes[bytes.length - 1] ^= 1;
      await route.fulfill({ response: answer, body: bytes });
    });
    await page.goto(`${server.url}/integrity?organization=acme`);
    assert.match(await verdict("bad"), /FAILED: Tiles/);
    await page.unroute("**/tile/0/**");
    await page.reload();
    await verdict("ok");
    await page.evaluate((root) => {
      const known = JSON.parse(localStorage.getItem("mar_audit_log:acme"));
      localStorage.setItem("mar_audit_log:acme", JSON.stringify({ ...known, size: String(Number(known.size) + 5), root }));
    }, base64(Buffer.alloc(32)));
    await page.reload();
    assert.match(await verdict("bad"), /FAILED: History \| .*set back/);
    await page.getByRole("button", { name: /^Forget/ }).click();
    await page.locator('.proof[data-state="ok"]').waitFor();
  });

  it("copies the key", async () => {
    page = await open_page(browser);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(`${server.url}/integrity?organization=acme`);
    await page.locator(".vkey button").click();
    await page.locator("[data-copied]").waitFor();
    assert.equal(`${await page.evaluate(() => navigator.clipboard.readText())}\n`, await text("/integrity/acme/key"));
  });

  it("says that there is no log before the first entry", async () => {
    page = await open_page(browser);
    await page.goto(`${empty.url}/integrity`);
    assert.match(await page.locator("main").innerText(), /no log yet/);
  });
});
