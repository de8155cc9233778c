// Export and live: exactly what is filtered, and what comes next.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before, describe, it } from "node:test";
import { routine } from "./data.js";
import { open_page, start_browser, start_server } from "./server.js";

describe("export and live", () => {
  let server, browser, page;

  before(async () => {
    server = await start_server();
    await server.record(routine(120, Date.now()));
    browser = await start_browser();
    page = await open_page(browser, { acceptDownloads: true });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  afterEach(() => assert.deepEqual(page.faults.splice(0), []));

  const download = async (/** @type {string} */ format) => {
    await page.keyboard.press("e");
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.locator(".export").getByRole("link", { name: new RegExp(`^${format}`) }).click(),
    ]);
    await page.keyboard.press("Escape");
    return { name: file.suggestedFilename(), text: await readFile(await file.path(), "utf8") };
  };

  it("saves exactly the entries that are filtered, in each format", async () => {
    await page.goto(`${server.url}/?result=failure&-actor=Bo%20Li&limit=5&columns=actor&selected=x`);
    await page.locator(".drawer").waitFor();
    const told = Number((await page.locator(".list-head strong").textContent()).replaceAll(",", ""));
    assert.match(await page.locator(".export h2").textContent(), new RegExp(`^Export ${told} entries, exactly those filtered$`));
    const wanted = routine(120, 0).filter((e) => e.result === "failure" && e.actor.name !== "Bo Li").map((e) => e.id).sort();
    assert.equal(told, wanted.length);

    const csv = await download("CSV");
    assert.match(csv.name, /\.csv$/);
    const lines = csv.text.trimEnd().split("\r\n");
    assert.equal(lines[0].split(",")[0].replace("\uFEFF", ""), "timestamp");
    assert.equal(lines.length - 1, wanted.length);
    for (const id of wanted) assert.ok(csv.text.includes(id));

    const json = await download("JSON");
    assert.deepEqual(JSON.parse(json.text).entries.map((/** @type {any} */ e) => e.id).sort(), wanted);

    const ndjson = await download("NDJSON");
    const entries = ndjson.text.trimEnd().split("\n").map((line) => JSON.parse(line)).filter((line) => line.actor);
    assert.deepEqual(entries.map((e) => e.id).sort(), wanted);
  });

  it("announces new entries that match, and shows them when asked", async () => {
    await page.goto(`${server.url}/?result=success`);
    await page.getByTitle("Show new entries as they arrive").click();
    await page.waitForURL(/live=on/);
    await page.locator('.live[data-state="on"]').waitFor();
    const fresh = (/** @type {string} */ name, /** @type {string} */ result) => ({
      actor: { type: "user", name }, action: "createCluster", result, scope: { organization: "acme" },
    });
    await server.record([fresh("first", "success"), fresh("other", "failure"), fresh("second", "success")]);
    await page.getByText("2 new entries – show").waitFor();
    assert.ok(!(await page.locator("#rows").textContent()).includes("second"), "nothing moves under the reader's eyes");
    await page.getByText("2 new entries – show").click();
    await page.locator("#rows tr", { hasText: "second" }).waitFor();
    assert.equal(await page.getByText("new entries – show").count(), 0);
    await server.record([fresh("third", "success")]);
    await page.getByText("1 new entry – show").waitFor();
    await page.getByTitle("Show new entries as they arrive").click();
    await page.waitForURL((url) => !url.search.includes("live"));
  });

  it("shares the address of the view", async () => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(`${server.url}/?category=cluster&result=failure`);
    await page.getByTitle("Share").click();
    await page.locator("[data-copy-here]").click();
    await page.locator("[data-copied]").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url());
  });
});
