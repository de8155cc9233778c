// What attackers name themselves is text, and visible as what it is.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { HOSTILE, REVERSED, hostile } from "./data.js";
import { open_page, start_browser, start_server } from "./server.js";

const ONE = "00000000-0000-4000-8000-00000000f001";
const WIDE = [390, 900, 1440];

describe("hostile entries", () => {
  let server, browser, page;

  before(async () => {
    server = await start_server();
    await server.record(hostile(Date.now()));
    browser = await start_browser();
    page = await open_page(browser);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  // Dialogs, errors, policy violations and calls to other hosts are faults: see `open_page`.
  afterEach(() => assert.deepEqual(page.faults.splice(0), []));

  const inert = async (/** @type {string} */ where) => {
    const found = await page.evaluate(() => ({
      images: document.querySelectorAll("img, iframe, object, embed, svg[onload]").length,
      scripts: [...document.scripts].filter((s) => !s.src.includes("/assets/")).length,
      handlers: [...document.querySelectorAll("*")].filter((e) => e.getAttributeNames().some((n) => n.startsWith("on") || n === "style")).length,
      links: [...document.querySelectorAll("a[href]")].map((a) => a.href).filter((h) => typeof h === "string" && !h.startsWith(location.origin)),
    }));
    assert.deepEqual(found, { images: 0, scripts: 0, handlers: 0, links: [] }, where);
  };

  it("are inert and shown whole on every page", async () => {
    for (const path of ["/", `/?selected=${ONE}`, `/entries/${ONE}`, "/?columns=actor,target,source,ip,email&joined=no", "/?expand=actor"]) {
      await page.goto(server.url + path);
      await inert(path);
      const text = await page.locator("body").innerText();
      assert.ok(text.includes(HOSTILE), `${path} does not show the name`);
      assert.ok(!text.includes("\u202E"), `${path} passes an override on`);
    }
  });

  it("show what hides: overrides, zero widths, nulls and escapes by their code points", async () => {
    await page.goto(`${server.url}/entries/${ONE}`);
    const text = await page.locator("main").innerText();
    for (const mark of ["U+202E", "U+200B", "U+0000", "U+001B"]) assert.ok(text.includes(mark), `${mark} in\n${text}`);
    await page.getByText("Raw JSON").click();
    const raw = await page.locator("pre.raw").textContent();
    assert.ok(raw.includes("\\u202e") && !raw.includes("\u202E"));
    assert.equal(JSON.parse(raw).target.name, REVERSED, "escaped, it is still the same text");
  });

  it("can be filtered on, each exactly", async () => {
    await page.goto(server.url);
    for (const [field, value] of [["actor", HOSTILE], ["action", "frobnicate, *everything* \\ at once"]]) {
      const facet = page.locator(`.facet[data-key="${field}"]`);
      await facet.getByRole("link", { name: value }).first().click();
      await page.locator(".list-head strong", { hasText: /^1$/ }).waitFor();
      await inert(page.url());
      await page.getByRole("link", { name: "Clear all" }).click();
      await page.locator(".list-head strong", { hasText: /^4$/ }).waitFor();
    }
  });

  it("have a target history at an address that stays on this server", async () => {
    await page.goto(`${server.url}/entries/${ONE}`);
    await page.getByRole("link", { name: "Full history" }).click();
    await page.locator(".story").waitFor();
    await inert(page.url());
    assert.equal(await page.locator(".story > li").count(), 1);
  });

  it("are searched for as text", async () => {
    for (const path of [
      `/?search=${encodeURIComponent(HOSTILE)}`,
      `/?q=${encodeURIComponent(`"${HOSTILE}`)}`,
      `/?${encodeURIComponent(HOSTILE)}=1`,
      `/?tz=${encodeURIComponent(HOSTILE)}&columns=${encodeURIComponent(HOSTILE)}&limit=${encodeURIComponent(HOSTILE)}`,
      `/?cursor=${encodeURIComponent(HOSTILE)}`,
      `/?selected=${encodeURIComponent(HOSTILE)}`,
      `/targets/${encodeURIComponent(HOSTILE)}/${encodeURIComponent(HOSTILE)}`,
      `/entries/${encodeURIComponent(HOSTILE)}`,
    ]) {
      page.quiet = true; // some of these are refused, and the browser logs that
      const answer = await page.goto(server.url + path);
      page.quiet = false;
      assert.ok(answer.status() < 500, `${path} ${answer.status()}`);
      await inert(path);
    }
  });

  it("break no layout: nothing is wider than the window", async () => {
    for (const width of WIDE) {
      await page.setViewportSize({ width, height: 900 });
      for (const path of ["/", `/?selected=00000000-0000-4000-8000-00000000f002`, `/entries/${ONE}`]) {
        await page.goto(server.url + path);
        const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(beyond <= 0, `${path} at ${width} is ${beyond} px too wide`);
      }
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  it("say so when a clock is ahead", async () => {
    await page.goto(server.url);
    assert.match(await page.locator("#rows tr").first().textContent(), /clock ahead/);
  });
});
