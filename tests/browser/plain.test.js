// Without scripts everything works: links, forms, menus, details, colours.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { routine } from "./data.js";
import { open_page, start_browser, start_server } from "./server.js";

describe("without scripts", () => {
  let server, browser, page;
  // A click ends when the next page begins to arrive: what stands on it is read once all of it has.
  const text = async (place) => {
    await page.waitForLoadState();
    return place.textContent();
  };
  const total = async () => Number((await text(page.locator(".list-head strong"))).replaceAll(",", ""));

  before(async () => {
    server = await start_server();
    await server.record(routine(120, Date.now()));
    browser = await start_browser();
    page = await open_page(browser, { javaScriptEnabled: false });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  afterEach(() => assert.deepEqual(page.faults.splice(0), []));

  it("searches and filters by one form, whose blank fields leave no trace in the address", async () => {
    await page.goto(server.url);
    await page.selectOption('select[name="result"]', "failure");
    await page.fill("#search", "ada");
    await page.locator(".pickers").getByRole("button", { name: "Apply" }).click();
    assert.match(page.url(), /\/\?result=failure&search=ada$|\/\?search=ada&result=failure$/);
    assert.equal(await total(), 4);
    await page.fill("#search", "");
    await page.press("#search", "Enter");
    assert.match(page.url(), /\/\?result=failure$/);
    assert.equal(await total(), 12);
  });

  it("goes through tabs, facets, chart, chips and pages by links", async () => {
    await page.goto(server.url);
    await page.getByRole("link", { name: /^Cluster Operations/ }).click();
    assert.equal(await total(), 30);
    await page.locator('.facet[data-key="actor"]').getByRole("link", { name: /^Bo Li/ }).click();
    assert.equal(await total(), 10);
    await page.getByTitle("Remove").first().click();
    assert.equal(await total(), 40);
    await page.goto(server.url);
    await page.getByText("As a table").click();
    await page.locator(".chart tbody a").first().click();
    assert.match(page.url(), /from=.*&to=/);
    await page.goto(server.url);
    await page.locator('.pager a[rel="next"]').click();
    assert.match(await text(page.locator("#rows tr").first()), /req_1050/);
  });

  it("opens details beside the list and at their own address", async () => {
    await page.goto(server.url);
    await page.locator("#rows tr").nth(2).locator("a").first().click();
    assert.match(await text(page.locator("#drawer")), /req_1002/);
    await page.locator('#drawer a[rel="next"]').click();
    assert.match(await text(page.locator("#drawer")), /req_1003/);
    await page.getByTitle("Open as a page").click();
    assert.match(page.url(), /\/entries\//);
    await page.getByText("Raw JSON").click();
    assert.match(await page.locator("pre.raw").innerText(), /"req_1003"/);
  });

  it("chooses columns, zone and colours by forms, and remembers the last two", async () => {
    await page.goto(`${server.url}/?category=cluster`);
    await page.getByTitle("Columns").click();
    await page.locator(".pop").getByLabel("Scope", { exact: true }).uncheck();
    await page.getByRole("button", { name: "Show" }).click();
    assert.equal(await page.locator(".entries thead th").count(), 6);
    await page.locator(".zone summary").click();
    await page.locator('input[name="tz"]').fill("Asia/Tokyo");
    await page.locator(".zone").getByRole("button", { name: "Apply" }).click();
    assert.match(page.url(), /category=cluster/);
    assert.match(await text(page.locator(".zone summary")), /Asia\/Tokyo/);
    await page.locator("#theme").click();
    await page.goto(server.url);
    assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
    assert.match(await text(page.locator(".zone summary")), /Asia\/Tokyo/);
  });

  it("offers no button that only scripts could serve", async () => {
    for (const path of ["/", "/?selected=00000000-0000-4000-8000-000000000001", "/entries/00000000-0000-4000-8000-000000000001"]) {
      await page.goto(server.url + path);
      for (const name of ["data-copy", "data-copy-raw", "data-copy-here", "data-local-zone"]) {
        for (const button of await page.locator(`[${name}]`).all()) assert.equal(await button.isVisible(), false, name);
      }
    }
  });
});
