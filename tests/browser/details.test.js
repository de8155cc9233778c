// One entry in full, by mouse, by keys, by its address; and the history of its target.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { routine } from "./data.js";
import { open_page, start_browser, start_server } from "./server.js";

describe("details", () => {
  let server, browser, page;
  const id = (/** @type {number} */ n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
  const shown = (/** @type {number} */ n) => page.locator(`#drawer article[data-id="${id(n)}"]`).waitFor();

  before(async () => {
    server = await start_server();
    await server.record(routine(60, Date.now()));
    await server.record([
      { ...routine(1, Date.now() - 86_400_000)[0], id: id(900), request: { id: "req_1001" }, action: "restartInstance" },
    ]);
    browser = await start_browser();
    page = await open_page(browser);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  afterEach(() => assert.deepEqual(page.faults.splice(0), []));

  it("opens beside the list by a click anywhere in the row, without loading the page anew", async () => {
    await page.goto(server.url);
    await page.evaluate(() => (window.same = true));
    await page.locator("#rows tr").nth(1).locator("td").nth(4).click();
    await shown(1);
    assert.match(page.url(), new RegExp(`selected=${id(1)}$`));
    assert.equal(await page.evaluate(() => window.same), true);
    assert.equal(await page.locator("tr.selected").getAttribute("data-id"), id(1));
  });

  it("tells everything about the entry", async () => {
    const text = await page.locator("#drawer").innerText();
    for (const part of [
      "Scale cluster", "Bo Li scaled cluster pay-eu", "Success", "scaleCluster", "Cluster Operations", // the sentence
      "Local", "UTC", "Received", "bo@acme.example", "usr_bo", "User", // who
      "pay-eu", "clu_pay", "Cluster", "acme", "payments", // what and where
      "req_1001", "203.0.113.1", "mar-cli/2.4", "Also caused by this request", // how
      "/spec/replicas", "3", "5", "ticket", "OPS-1", "1.5", "mar-api", "History of this target", // and the rest
    ]) assert.ok(text.includes(part), `${part} is missing in\n${text}`);
    const time = await page.locator("#drawer time[data-local]").textContent();
    assert.match(time, /^\w{3} \d{1,2} \w{3} \d{4}, \d\d:\d\d:\d\d\.\d{6} (CET|CEST|GMT\+[12])$/, "the browser's own zone, to the microsecond");
  });

  it("goes on with j and back with k, and closes with Escape", async () => {
    await page.keyboard.press("j");
    await shown(2);
    await page.keyboard.press("j");
    await shown(3);
    await page.keyboard.press("k");
    await shown(2);
    await page.keyboard.press("Escape");
    await page.locator("#drawer").waitFor({ state: "detached" });
    assert.ok(!page.url().includes("selected"));
    assert.equal(await page.evaluate(() => document.activeElement?.closest("tr")?.dataset.id), id(2), "the focus is back at the row");
  });

  it("moves through the list with j and k and opens with Enter", async () => {
    await page.goto(server.url);
    for (const key of ["j", "j", "j", "k"]) await page.keyboard.press(key);
    assert.equal(await page.locator("tr.at").getAttribute("data-id"), id(1));
    await page.keyboard.press("Enter");
    await shown(1);
    await page.goBack();
    await page.locator("#drawer").waitFor({ state: "detached" });
  });

  it("focuses the search with /, opens help with ?, export with e", async () => {
    await page.goto(server.url);
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "search");
    await page.keyboard.type("j?");
    assert.equal(await page.inputValue("#search"), "j?", "keys are text in a field");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await page.locator("#keys:popover-open").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("#keys:popover-open").waitFor({ state: "detached" });
    await page.keyboard.press("e");
    await page.locator(".export[open]").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".export[open]").waitFor({ state: "detached" });
  });

  it("filters the list by what it shows", async () => {
    await page.goto(`${server.url}/?category=cluster&selected=${id(1)}`);
    const email = page.locator("#drawer dd", { hasText: "bo@acme.example" });
    await email.hover();
    await email.getByTitle("Only this").click();
    await page.waitForURL((url) => url.searchParams.get("email") === "bo@acme.example");
    assert.equal(new URL(page.url()).searchParams.get("category"), "cluster");
    await page.goto(`${server.url}/?selected=${id(1)}`);
    const ticket = page.locator("#drawer .tree li", { hasText: "ticket" });
    await ticket.hover();
    await ticket.getByTitle("Only with this").click();
    await page.waitForURL((url) => url.searchParams.get("context.ticket") === "OPS-1");
    await page.locator(".list-head strong", { hasText: /^1$/ }).waitFor();
  });

  it("shows raw JSON that is the entry, and copies it", async () => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(`${server.url}/entries/${id(1)}`);
    await page.getByText("Raw JSON").click();
    const wire = await (await fetch(`${server.url}/v1/entries/${id(1)}`)).json();
    assert.deepEqual(JSON.parse(await page.locator("pre.raw").textContent()), wire);
    await page.locator("[data-copy-raw]").click();
    await page.locator("[data-copied]").waitFor();
    assert.deepEqual(JSON.parse(await page.evaluate(() => navigator.clipboard.readText())), wire);
  });

  it("has a permalink, and says when there is no such entry", async () => {
    await page.goto(`${server.url}/entries/${id(9)}`);
    assert.match(await page.locator("h1").textContent(), /Scale cluster/);
    assert.match(await page.locator(".lead").textContent(), /Failed attempt: .*Failure.*403missing|Failed attempt: .*403 missing/);
    page.quiet = true;
    for (const none of [id(4000), "nonsense", "%00"]) {
      const answer = await page.goto(`${server.url}/entries/${none}`);
      assert.equal(answer.status(), 404);
      assert.match(await page.locator("main").textContent(), /no entry with this id/);
    }
    await page.goto(`${server.url}/?selected=${id(4000)}`);
    assert.match(await page.locator("#drawer").textContent(), /No such entry/);
    page.quiet = false;
  });

  it("tells the history of a target, newest first, with what changed", async () => {
    await page.goto(`${server.url}/entries/${id(1)}`);
    await page.getByRole("link", { name: "Full history" }).click();
    await page.waitForURL(/\/targets\/cluster\/clu_pay$/);
    assert.equal(await page.locator("h1").textContent(), "pay-eu");
    const steps = await page.locator(".story > li").allTextContents();
    assert.equal(steps.length, 17);
    assert.match(steps[1], /Bo Li scaled cluster pay-eu.*\/spec\/replicas35/);
    await page.getByRole("link", { name: "Open as a list" }).click();
    await page.locator(".list-head strong", { hasText: /^17$/ }).waitFor();
  });
});
