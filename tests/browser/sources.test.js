// Sources in a browser: how each is, what waits for a mapping, and what is copied to connect one.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import axe from "axe-core";
import { HOSTILE } from "./data.js";
import { open_page, start_browser, start_server } from "./server.js";

const PASSWORD = "correct horse battery";
const PICTURES = process.env.PICTURES ?? join(import.meta.dirname, "out");
const SIZES = { wide: { width: 1600, height: 1000 }, middle: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };

/** A request as an API server tells it. @param {string} id @param {string} stage */
const event = (id, stage = "ResponseComplete") => ({
  level: "Metadata",
  auditID: id,
  stage,
  verb: "delete",
  user: { username: "ana@acme.example" },
  responseStatus: { code: 200 },
  objectRef: { resource: "pods", namespace: "pay", name: "web-1" },
  requestReceivedTimestamp: new Date(Date.now() - 60_000 * (1 + (Number(id) % 50))).toISOString(),
});
const odd = (/** @type {string} */ note) => ({ kind: "Event", apiVersion: "events.k8s.io/v1", note });
const list = (/** @type {object[]} */ items) => ({ kind: "EventList", apiVersion: "audit.k8s.io/v1", items });

describe("sources", () => {
  let server, open, browser, owner, page;

  /** @param {string} method @param {string} path @param {object} [body] */
  const call = async (method, path, body, cookie = owner) => {
    const headers = { "content-type": "application/json", "sec-fetch-site": "same-origin", cookie };
    const answer = await fetch(server.url + path, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${path}: ${answer.status} ${answer.ok || (await answer.clone().text())}`);
    return answer;
  };
  /** A page of the owner's browser. @param {object} [options] */
  const as_owner = async (options) => {
    page = await open_page(browser, options);
    const [name, value] = owner.split("=");
    await page.context().addCookies([{ name, value, url: server.url }]);
    return page;
  };
  const said = async () => (await page.locator("main").innerText()).replace(/\s+/g, " ");
  const press = (/** @type {string} */ name) => page.getByRole("button", { name, exact: true }).first().click();
  const follow = (/** @type {string} */ name) => page.getByRole("link", { name, exact: true }).first().click();

  before(async () => {
    [server, open] = await Promise.all([start_server({ access: "required" }), start_server()]);
    const link = new URL(await server.first_link).hash.slice(1);
    const claimed = await call("POST", "/v1/access/claim", { link, login: "root@acme.example", name: "Root", password: PASSWORD }, "");
    owner = (claimed.headers.get("set-cookie") ?? "").split(";")[0];
    const items = Array.from({ length: 120 }, (_, n) => [event(`${n}`, "RequestReceived"), event(`${n}`)]).flat();
    items.push(odd("x".repeat(2_000)), odd(HOSTILE), odd("third"));
    await call("POST", "/v1/sources/kubernetes/prod", list(items));
    await call("POST", "/v1/sources/kubernetes/prod", list(items.slice(0, 40)));
    await call("POST", "/v1/entries", [{ actor: { type: "user", name: "Ana" }, action: "login", result: "success", source: { name: HOSTILE, event_id: "1" } }]);
    browser = await start_browser();
    mkdirSync(PICTURES, { recursive: true });
  });
  after(async () => {
    await browser?.close();
    await Promise.all([server?.stop(), open?.stop()]);
  });
  afterEach(async () => {
    assert.deepEqual(page?.faults.splice(0) ?? [], []);
    await page?.context().close();
    page = null;
  });

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "with scripts" : "without scripts";
    const tag = javaScriptEnabled ? "js" : "plain";

    it(`leads from the list to what waits, maps it again and throws it away after a question, ${how}`, async () => {
      const name = `waits-${tag}`;
      await call("POST", `/v1/sources/kubernetes/${name}`, list([odd("one"), odd("two")]));
      await as_owner({ javaScriptEnabled });
      await page.goto(`${server.url}/`);
      await page.getByRole("link", { name: "Sources" }).first().click();
      await follow(name);
      assert.match(await said(), /Waiting for a mapping 2, /);
      await press("Map all again");
      await page.waitForURL(/taken=0/);
      assert.match(await said(), /2 stay: this release cannot read them yet/);
      await follow("Throw away…");
      assert.match(await said(), new RegExp(`Throw away this item of ${name}\\?`));
      await press("Throw away");
      await page.waitForURL(/dropped=1/);
      assert.match(await said(), /1 item is thrown away.*Waiting for a mapping 1, /);
      await follow("Its entries");
      await page.waitForURL(/source=waits/);
    });

    it(`makes a token for what is copied, and what is copied then records, ${how}`, async () => {
      const name = `billing-${tag}`;
      await as_owner({ javaScriptEnabled });
      await page.goto(`${server.url}/connect?type=curl`);
      await page.getByLabel("Name of the source").fill(name);
      await press("Use these");
      await page.waitForURL(new RegExp(name));
      assert.match(await said(), /Bearer TOKEN/);
      await press("Make a token");
      await page.locator(".once").waitFor();
      const secret = await page.locator(".secret code").innerText();
      assert.match(secret, /^mar_rec_/);
      const copied = await page.locator(".command code").first().innerText();
      assert.ok(copied.includes(`Bearer ${secret}`) && copied.includes(server.url) && copied.includes(name), copied);
      const body = copied.match(/-d '([\s\S]*)'$/)?.[1] ?? "";
      const headers = { "content-type": "application/json", authorization: `Bearer ${secret}` };
      const answer = await fetch(`${server.url}/v1/entries`, { method: "POST", headers, body });
      assert.equal(answer.status, 200, await answer.text());
      await page.goto(`${server.url}/sources`);
      assert.match(await said(), new RegExp(name));
    });
  }

  it("shows what was sent as text, whatever it holds, cut with a way to all of it", async () => {
    await as_owner();
    await page.goto(`${server.url}/sources/prod?organization=default`);
    await page.getByRole("link", { name: /^Show all/ }).first().click();
    await page.locator(".raw.whole").waitFor();
    assert.ok((await page.locator(".raw.whole").innerText()).includes("x".repeat(2_000)));
    await page.goto(`${server.url}/sources`);
    await page.getByRole("row").filter({ hasText: "prod" }).getByTitle("All entries of this source").click();
    await page.waitForURL(/source=prod/);
  });

  it("is as its reader likes it, wide and narrow, light and dark, and says what it is to who cannot see", async () => {
    const paths = ["/sources", "/sources/prod?organization=default", "/sources/prod/drop?organization=default", "/connect", "/connect?type=sdk&name=a", "/connect?type=syslog", "/connect?name=%2F"];
    for (const [size, viewport] of Object.entries(SIZES)) {
      for (const colorScheme of ["light", "dark"]) {
        await as_owner({ viewport, colorScheme });
        for (const path of paths) {
          await page.goto(server.url + path);
          const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(over <= 0, `${path} is ${over} px too wide, ${size}`);
          const name = path.replace(/\W+/g, "-").replace(/^-|-$/g, "");
          await page.screenshot({ path: join(PICTURES, `sources-${name}-${size}-${colorScheme}.png`), fullPage: true });
          await page.evaluate(axe.source);
          const result = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"] }));
          const found = result.violations.map((one) => `${path} ${size} ${colorScheme}: ${one.id}: ${one.nodes[0].html} ${one.nodes[0].failureSummary}`);
          assert.deepEqual(found, []);
        }
        await page.context().close();
      }
    }
    page = null;
  });

  it("shows how to begin where nothing is sent yet, and copies without a token behind an open door", async () => {
    page = await open_page(browser);
    await page.goto(`${open.url}/sources`);
    assert.match(await said(), /No source yet/);
    await page.getByRole("link", { name: "Connect a source" }).last().click();
    assert.match(await said(), /This server lets everybody in/);
    await follow("HTTP");
    const copied = await page.locator(".command code").first().innerText();
    assert.ok(copied.includes(open.url) && !copied.includes("Authorization"), copied);
  });
});
