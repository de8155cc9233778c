// The list: search, tabs, pickers, facets, chart, pages, columns, as a person uses them.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { routine } from "./data.js";
import { open_page, start_browser, start_server } from "./server.js";

describe("the list", () => {
  let server, browser, page;
  const now = Date.now();
  const rows = () => page.locator("#rows tr");
  const total = async () => Number((await page.locator(".list-head strong").textContent()).replaceAll(",", ""));
  const idle = () => page.locator("html:not([aria-busy])").waitFor();
  const at = (/** @type {RegExp} */ pattern) => page.waitForURL(pattern);

  before(async () => {
    server = await start_server();
    await server.record(routine(240, now));
    browser = await start_browser();
    page = await open_page(browser);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  afterEach(() => assert.deepEqual(page.faults.splice(0), []));

  it("shows the newest entries first, with the mission's columns", async () => {
    await page.goto(server.url);
    assert.equal(await rows().count(), 50);
    assert.equal(await total(), 240);
    assert.match(await rows().first().textContent(), /Ada Byron.*ada@acme\.example.*createCluster.*pay-eu.*Cluster.*search.*acme.*req_1000.*203\.0\.113\.0.*Success/);
    assert.deepEqual((await page.locator(".entries thead th").allTextContents()).map((t) => t.trim()), [
      "Timestamp", "Actor", "Action", "Target · Type", "Scope", "Request ID · IP", "Result",
    ]);
  });

  it("finds by actor name, actor email, target name and request id, in any case", async () => {
    for (const [text, matches] of [["BYRON", 80], ["chiara@GLOBEX", 80], ["Pager", 30], ["req_1239", 1]]) {
      await page.fill("#search", text);
      await page.press("#search", "Enter");
      await at(new RegExp(`search=${encodeURIComponent(text).replace("%40", "(@|%40)")}$`));
      await idle();
      assert.equal(await total(), matches, text);
      await page.getByRole("link", { name: "Clear all" }).click();
      await at(/\/$/);
    }
  });

  it("keeps to a category by its tab, and counts each", async () => {
    await page.goto(server.url);
    const tabs = await page.locator(".tabs a").allTextContents();
    assert.deepEqual(tabs.map((t) => t.replace(/\d+$/, "")), [
      "All Actions", "Cluster Operations", "Instance Operations", "Config Operations", "Alert Operations", "Access Control", "Webhook Operations",
    ]);
    await page.getByRole("link", { name: /^Access Control/ }).click();
    await at(/category=access_control/);
    await idle();
    assert.equal(await total(), 60);
    assert.equal(await page.locator(".tabs a[aria-current]").textContent(), "Access Control60");
  });

  it("keeps to target type, result and time by its pickers, without a button", async () => {
    await page.goto(server.url);
    await page.selectOption('select[name="target_type"]', "cluster");
    await at(/target_type=cluster/);
    await page.selectOption('select[name="result"]', "failure");
    await at(/result=failure/);
    await idle();
    assert.equal(await total(), 6);
    await page.selectOption('select[name="from"]', "24h");
    await at(/from=24h/);
    await idle();
    assert.equal(await total(), 2);
    assert.deepEqual(await page.locator(".chip .what").allTextContents(), [
      "Target Type Cluster", "Result Failure", "Time last 24 hours",
    ]);
    await page.getByTitle("Remove").first().click();
    await page.waitForURL((url) => !url.search.includes("target_type"));
  });

  it("takes a custom range in the zone of the page", async () => {
    await page.goto(`${server.url}/?tz=Europe/Rome`);
    await page.getByTitle("Custom time range").click();
    const local = (/** @type {number} */ ms) => new Date(ms).toLocaleString("sv-SE", { timeZone: "Europe/Rome" }).replace(" ", "T");
    await page.locator('input[name="from"]').fill(local(now - 130 * 60_000));
    await page.locator('input[name="to"]').fill(local(now - 30 * 60_000));
    await page.locator(".range-menu").getByRole("button", { name: "Apply" }).click();
    await at(/to=/);
    await idle();
    assert.match(decodeURIComponent(page.url()), /from=\d{4}-\d\d-\d\dT[\d:]+[+]0[12]:00/);
    assert.equal(await total(), 5);
  });

  it("keeps and leaves values by the facets, and takes them back", async () => {
    await page.goto(server.url);
    const actors = page.locator('.facet[data-key="actor"]');
    await actors.getByRole("link", { name: /^Bo Li/ }).click();
    await at(/actor=Bo(%20|\+)Li/);
    await idle();
    assert.equal(await total(), 80);
    assert.match(await actors.textContent(), /Ada Byron80/, "other actors are counted without the actor filter");
    await actors.getByRole("link", { name: /^Ada Byron/ }).click();
    await page.waitForURL((url) => url.searchParams.getAll("actor").length === 2);
    await idle();
    assert.equal(await total(), 160);
    await actors.locator("li", { hasText: "Bo Li" }).hover();
    await actors.getByRole("link", { name: "Exclude Bo Li" }).click();
    await at(/-actor=Bo/);
    await idle();
    assert.equal(await total(), 80);
    await page.getByRole("link", { name: "Clear all" }).click();
    await at(/\/$/);
    await idle();
    assert.equal(await total(), 240);
  });

  it("zooms into a bar of the chart, by a click and by dragging", async () => {
    await page.goto(server.url);
    const box = await page.locator("svg[data-chart]").boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 30, { steps: 4 });
    await page.mouse.move(box.x + box.width * 0.75, box.y + 30, { steps: 4 });
    await page.mouse.up();
    await at(/from=.*to=/);
    await idle();
    const dragged = await total();
    assert.ok(dragged > 30 && dragged < 120, `${dragged} entries in a quarter of the time`);
    await page.locator("svg[data-chart] a .hit").nth(3).click();
    await page.waitForURL((url) => !url.search.includes(".")); // a bar begins on a human boundary
    await idle();
    const clicked = await total();
    assert.ok(clicked > 0 && clicked < dragged, `${clicked} entries in one bar of ${dragged}`);
    await page.getByText("As a table").click();
    const sums = await page.locator(".chart td.num").allTextContents();
    assert.equal(sums.reduce((sum, n) => sum + Number(n), 0), clicked);
  });

  it("walks through all pages without gap or repeat while entries arrive", async () => {
    await page.goto(`${server.url}/?limit=100&organization=acme,globex`);
    const seen = [];
    for (;;) {
      seen.push(...(await page.locator("#rows tr").evaluateAll((all) => all.map((row) => row.dataset.id))));
      await server.record([{ actor: { type: "system", name: "late" }, action: "noise", result: "success", scope: { organization: "late" } }]);
      const next = page.locator('.pager a[rel="next"]');
      if ((await next.count()) === 0) break;
      const before = page.url();
      await next.click();
      await page.waitForURL((url) => url.href !== before);
      await idle();
    }
    assert.equal(seen.length, 240);
    assert.equal(new Set(seen).size, 240);
    await page.getByRole("link", { name: "First page" }).click();
    await page.waitForURL((url) => !url.search.includes("cursor"));
    await idle();
    assert.equal(await page.locator("#rows tr").first().getAttribute("data-id"), seen[0]);
  });

  it("turns the order around and goes by receipt", async () => {
    await page.goto(`${server.url}/?organization=acme`);
    await page.getByRole("link", { name: "Oldest first" }).click();
    await at(/direction=asc/);
    await idle();
    assert.match(await rows().first().textContent(), /req_1238/);
    await page.getByRole("link", { name: "Received" }).click();
    await at(/order=received/);
    await idle();
    assert.match(await rows().first().textContent(), /req_1000/);
  });

  it("shows the columns that are chosen, together or apart", async () => {
    await page.goto(server.url);
    await page.getByTitle("Columns").click();
    for (const name of ["Scope", "Request ID", "IP Address"]) await page.locator(".pop").getByLabel(name, { exact: true }).uncheck();
    await page.getByLabel("Every column by itself").check();
    await page.getByRole("button", { name: "Show" }).click();
    await at(/joined=no/);
    await idle();
    assert.deepEqual((await page.locator(".entries thead th").allTextContents()).map((t) => t.trim()), [
      "Timestamp", "Actor", "Email", "Action", "Target", "Target Type", "Result",
    ]);
    await page.reload();
    assert.equal(await page.locator(".entries thead th").count(), 7, "columns are part of the address");
  });

  it("says where a query is wrong, and runs one that is right", async () => {
    await page.goto(server.url);
    await page.locator(".query-field summary").click();
    await page.fill("#q", "actor:ada accion:create*");
    page.quiet = true; // the browser logs the 400 that it should get
    await page.press("#q", "Enter");
    await page.getByRole("alert").waitFor();
    assert.equal(await page.locator(".notice .here").textContent(), "accion:create*");
    assert.match(await page.locator(".notice").textContent(), /Did you mean action/);
    await page.fill("#q", "actor:ada* action:create* -result:failure");
    await page.press("#q", "Enter");
    await page.locator("#rows").waitFor();
    page.quiet = false;
    const texts = await rows().allTextContents();
    assert.ok(texts.length > 5 && texts.every((text) => /Ada Byron.*create.*Success/.test(text)));
  });

  it("says which filter to drop when nothing matches", async () => {
    await page.goto(`${server.url}/?actor=Bo%20Li&action=createCluster&result=failure&organization=globex`);
    assert.match(await page.locator(".state").textContent(), /No entry matches/);
    const offers = await page.locator(".state li").allTextContents();
    await page.goto(`${server.url}/?actor=nobody&action=createCluster`);
    assert.deepEqual(await page.locator(".state li").allTextContents(), ["without Actor nobody · 30 entries"]);
    assert.ok(Array.isArray(offers));
    await page.getByRole("link", { name: "without Actor nobody" }).click();
    await page.locator("#rows").waitFor();
    assert.equal(await total(), 30);
  });

  it("says that the server is gone, keeps what was loaded, and tries again", async () => {
    await page.goto(server.url);
    await page.route("**/*", (route) => route.abort());
    page.quiet = true; // the browser logs the failed call
    await page.getByRole("link", { name: /^Cluster Operations/ }).click();
    await page.getByText("The server cannot be reached").waitFor();
    assert.equal(await rows().count(), 50);
    await page.unroute("**/*");
    await page.getByRole("button", { name: "Try again" }).click();
    await at(/category=cluster/);
    page.quiet = false;
    assert.equal(await page.locator("[data-unreachable]").count(), 0);
  });

  it("goes back and forth through what was looked at", async () => {
    await page.goto(server.url);
    await page.getByRole("link", { name: /^Alert Operations/ }).click();
    await at(/category=alert/);
    await idle();
    await page.selectOption('select[name="result"]', "success");
    await at(/result=success/);
    await page.goBack();
    await at(/category=alert$/);
    await page.locator('select[name="result"]:not(.set)').waitFor();
    await page.goBack();
    await at(/\/$/);
    await page.locator(".tabs a[aria-current]", { hasText: "All Actions" }).waitFor();
    await page.goForward();
    await page.locator(".tabs a[aria-current]", { hasText: "Alert Operations" }).waitFor();
  });
});
