// Values that were erased: shown as erased wherever they stood, with who, when and why; and everything still proven.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { verify } from "../../assets/proof.js";
import { routine } from "./data.js";
import { open_page, start_browser, start_server } from "./server.js";

const ID = "00000000-0000-4000-8000-000000000001";
const PATHS = ["/actor/email", "/actor/name", "/changes", "/context/ticket", "/request/ip"];

describe("an erased value", () => {
  let server, browser, page, old_proof, old_page, vkeys;
  const text = async (/** @type {string} */ path) => (await fetch(server.url + path)).text();

  before(async () => {
    server = await start_server();
    await server.record(routine(30, Date.now()));
    browser = await start_browser();
    [old_proof, old_page] = [await text(`/v1/entries/${ID}/proof`), await text(`/entries/${ID}`)];
    vkeys = (await text("/integrity/acme/key")).trim().split("\n");
    const answer = await fetch(`${server.url}/v1/entries/${ID}/redact`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ paths: PATHS, reason: "request 4711", actor: { type: "user", name: "Dana Ops" } }),
    });
    assert.equal(answer.status, 200, await answer.clone().text());
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  afterEach(async () => {
    assert.deepEqual(page?.faults.splice(0) ?? [], []);
    await page?.context().close();
    page = null;
  });
  const verdict = async () => {
    await page.locator('.proof:is([data-state="ok"], [data-state="bad"], [data-state="unable"])').waitFor();
    return (await page.locator(".proof [data-say]").allTextContents()).join(" | ");
  };

  it("is told in the details, with who, when and why", async () => {
    page = await open_page(browser);
    await page.goto(`${server.url}/entries/${ID}`);
    const notice = await page.locator(".erasure").innerText();
    assert.match(notice, /5 values of this entry were erased/);
    assert.match(notice, /by Dana Ops, .* 20\d\d, .*: request 4711/);
    for (const pointer of ["/actor/email", "/actor/name", "/request/ip"]) assert.equal(await page.locator(`[data-at="${pointer}"]`).innerText(), "erased");
    assert.equal(await page.locator('[data-at="/actor/id"]').innerText(), "usr_bo");
    const whole = await page.locator("main").innerText();
    for (const gone of ["bo@acme.example", "203.0.113.1", "OPS-1\n", "/spec/replicas"]) assert.ok(!whole.includes(gone), gone);
    await page.locator('[data-at="/actor/email"] a').click();
    await page.waitForURL(/\/entries\/(?!0{8}).*/);
    const record = await page.locator("main").innerText();
    assert.ok(record.includes("redactEntry") && record.includes("request 4711") && record.includes(ID), record);
  });

  it("is told in the list, and in the history of the target", async () => {
    page = await open_page(browser);
    await page.goto(`${server.url}/?category=cluster`);
    const row = await page.locator(`tr[data-id="${ID}"]`).innerText();
    assert.ok(row.includes("usr_bo") && row.match(/erased/g)?.length === 2, row);
    await page.goto(`${server.url}/targets/cluster/clu_pay`);
    assert.match(await page.locator(".story").innerText(), /Changes: erased/);
  });

  it("leaves every proof true: the one from before, and the one of today", async () => {
    page = await open_page(browser);
    const before = await verify(new Uint8Array(Buffer.from(old_proof)), vkeys);
    await page.goto(`${server.url}/entries/${ID}`);
    assert.match(await verdict(), /^Proven in the log/);
    assert.match(await page.locator('[data-step="units"] [data-words]').textContent(), /^10 parts, 5 of them erased$/);
    const today = await verify(new Uint8Array(Buffer.from(await text(`/v1/entries/${ID}/proof`))), vkeys);
    assert.deepEqual(today.leaf_hash, before.leaf_hash);
    assert.equal(today.disclosure.units.filter((unit) => unit.digest).length, 5);
  });

  it("is missed by a page that was loaded before", async () => {
    page = await open_page(browser);
    await page.route(`**/entries/${ID}`, (route) => (route.request().url().includes("/v1/") ? route.fallback() : route.fulfill({ body: old_page, contentType: "text/html" })));
    await page.goto(`${server.url}/entries/${ID}`);
    assert.match(await verdict(), /FAILED: This page \| .*it was erased since the page was loaded/);
  });
});
