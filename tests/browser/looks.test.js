// Every state, light and dark, wide and narrow: no violation that axe knows, nothing too wide, within the budget.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import axe from "axe-core";
import { hostile, routine } from "./data.js";
import { open_page, start_browser, start_server } from "./server.js";

const ONE = "00000000-0000-4000-8000-000000000001";
const STATES = {
  list: "/?limit=12",
  filtered: "/?category=cluster&-actor=Bo%20Li&from=7d&search=pay&target_type=cluster,instance&limit=12",
  drawer: `/?limit=12&selected=${ONE}`,
  failure: "/?limit=12&result=failure&selected=00000000-0000-4000-8000-000000000009",
  missing: "/?limit=12&selected=00000000-0000-4000-8000-00000000dead",
  expanded: "/?limit=12&expand=action",
  apart: "/?limit=12&joined=no&columns=timestamp,actor,email,target,target_type,source,received_at",
  none: "/?actor=nobody&result=failure",
  wrong: "/?q=actor:ada%20accion:x",
  cursor: "/?cursor=forged",
  hostile: "/?organization=hostile&selected=00000000-0000-4000-8000-00000000f001",
  entry: `/entries/${ONE}`,
  gone: "/entries/00000000-0000-4000-8000-00000000dead",
  target: "/targets/cluster/clu_pay",
  integrity: "/integrity",
};
const SIZES = { wide: { width: 1600, height: 1000 }, middle: { width: 1100, height: 800 }, narrow: { width: 390, height: 844 } };
const PICTURES = process.env.PICTURES ?? join(import.meta.dirname, "out");

describe("looks", () => {
  let server, empty, browser;

  before(async () => {
    [server, empty] = await Promise.all([start_server(), start_server()]);
    await server.record([...routine(240, Date.now()), ...hostile(Date.now())]);
    browser = await start_browser();
    mkdirSync(PICTURES, { recursive: true });
  });
  after(async () => {
    await browser?.close();
    await Promise.all([server?.stop(), empty?.stop()]);
  });

  /** @param {import("playwright-core").Page} page */
  const violations = async (page) => {
    // Through the debugger, since the policy of the page rightly refuses scripts in it.
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    return violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary}`).join(" | ")}`);
  };

  /** With the verdict of the proof that is in view, if there is one. @param {import("playwright-core").Page} page */
  const settled = (page) => page.waitForFunction(() => [...document.querySelectorAll("[data-proof]")].every((proof) => ["ok", "bad", "unable"].includes(proof.dataset.state)));

  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      it(`has no violation in any state, ${colorScheme}, ${size}`, async () => {
        const page = await open_page(browser, { colorScheme, viewport });
        page.quiet = true; // refused states are logged by the browser
        for (const [name, path] of [...Object.entries(STATES).map(([n, p]) => [n, server.url + p]), ["empty", `${empty.url}/`]]) {
          await page.goto(path);
          await settled(page);
          await page.screenshot({ path: join(PICTURES, `${name}-${size}-${colorScheme}.png`) });
          assert.deepEqual(await violations(page), [], name);
          assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `${name} is too wide`);
        }
        assert.deepEqual(page.faults, []);
        await page.context().close();
      });

      it(`has no violation with a proof opened, true or not, ${colorScheme}, ${size}`, async () => {
        const page = await open_page(browser, { colorScheme, viewport });
        const forged = `00000000-0000-4000-8000-${"2".padStart(12, "0")}`;
        await page.route(`**/v1/entries/${forged}/proof*`, async (route) => {
          const answer = await route.fetch();
          await route.fulfill({ response: answer, body: (await answer.text()).replace(/index \d+/, "index 0") });
        });
        for (const [name, path] of [["proof", `/entries/${ONE}`], ["proof-drawer", `/?limit=12&selected=${ONE}`], ["forged", `/entries/${forged}`], ["verified", "/integrity"]]) {
          await page.goto(server.url + path);
          if (name === "verified") await page.getByRole("button", { name: "Verify now" }).click();
          else await page.locator(".proof > details > summary").click();
          await page.locator('.proof:is([data-state="ok"], [data-state="bad"])').waitFor();
          for (const step of await page.locator("[data-step] > summary").all()) await step.click();
          await page.screenshot({ path: join(PICTURES, `${name}-${size}-${colorScheme}.png`), fullPage: true });
          assert.deepEqual(await violations(page), [], name);
          assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `${name} is too wide`);
        }
        assert.deepEqual(page.faults, []);
        await page.context().close();
      });

      it(`has no violation with its menus open, ${colorScheme}, ${size}`, async () => {
        const page = await open_page(browser, { colorScheme, viewport });
        await page.goto(`${server.url}/?limit=12`);
        for (const menu of await page.locator("details.menu, details.query-field, .chart details").all()) {
          const summary = menu.locator("summary").first();
          if (!(await summary.isVisible())) continue;
          await summary.click();
          await page.screenshot({ path: join(PICTURES, `menu-${(await summary.innerText()).trim() || (await summary.getAttribute("title"))}-${size}-${colorScheme}.png`) });
          assert.deepEqual(await violations(page), [], await menu.innerText());
          await page.keyboard.press("Escape");
        }
        if (size === "narrow") {
          await page.getByRole("link", { name: "Values" }).click();
          await page.screenshot({ path: join(PICTURES, `facets-${size}-${colorScheme}.png`) });
          assert.deepEqual(await violations(page), [], "facets");
        } else {
          await page.keyboard.press("?");
          await page.locator("#keys:popover-open").waitFor();
          assert.deepEqual(await violations(page), [], "keys");
        }
        assert.deepEqual(page.faults, []);
        await page.context().close();
      });
    }
  }

  it("keeps to its budget: first page under 100 KB, scripts under 60 KB, none from elsewhere", async () => {
    const page = await open_page(browser);
    /** @type {Record<string, number>} */
    const sizes = {};
    page.on("requestfinished", async (request) => {
      const { responseBodySize } = await request.sizes();
      sizes[new URL(request.url()).pathname] = responseBodySize;
    });
    await page.goto(server.url, { waitUntil: "networkidle" });
    const all = Object.values(sizes).reduce((sum, n) => sum + n, 0);
    const scripts = Object.entries(sizes).filter(([path]) => path.endsWith(".js")).reduce((sum, [, n]) => sum + n, 0);
    console.log(`# first page ${all} bytes, of these scripts ${scripts}`);
    assert.ok(scripts > 0 && scripts < 60 * 1024, `scripts ${JSON.stringify(sizes)}`);
    assert.ok(all < 100 * 1024, `all ${JSON.stringify(sizes)}`);
    assert.deepEqual(page.faults, []);
  });

  it("sends a policy that allows nothing inline", async () => {
    const answer = await fetch(server.url);
    const policy = answer.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
  });

  it("changes colours at once and remembers them", async () => {
    const page = await open_page(browser, { colorScheme: "light" });
    await page.goto(server.url);
    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await paper();
    await page.locator("#theme").click();
    assert.notEqual(await paper(), light);
    const dark = await paper();
    await page.reload();
    assert.equal(await paper(), dark);
    assert.deepEqual(page.faults, []);
  });
});
