// The same in a real browser: from the button to the list, and to the pages that say why not.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { chromium } from "playwright-core";
import { start_provider } from "./provider.js";
import { free_port, start_server } from "./server.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LOOKS = [
  { width: 1280, height: 800, colorScheme: "light" },
  { width: 390, height: 780, colorScheme: "dark" },
];

describe("in a browser", () => {
  let server, provider, browser, context, page;
  const faults = [];

  before(async () => {
    const [port, issuer_port] = [await free_port(), await free_port()];
    provider = await start_provider(issuer_port, `http://127.0.0.1:${port}/sign-in/oidc/callback`);
    provider.asks = true;
    server = await start_server(provider.issuer, port, { scopes: ["openid", "profile", "email", "groups"] });
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      // A page that refuses has a status that says so.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(message.text());
    });
  });
  after(async () => {
    await browser?.close();
    provider?.stop();
    await server?.stop();
  });

  async function is_clean(named) {
    for (const { width, height, colorScheme } of LOOKS) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${named}-${width}-${colorScheme}.png` });
      // In a world of its own: the policy of the page lets no script in.
      const found = await page.evaluate(`${AXE}; axe.run()`);
      assert.deepEqual(found.violations.map(({ id, nodes }) => `${id} ${nodes[0].html}`), [], `${named}, ${colorScheme}`);
      assert.ok(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off");
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    assert.deepEqual(faults.splice(0), []);
  }
  const sign_in = async (who) => {
    await page.getByRole("link", { name: "Sign in with Acme ID" }).click();
    await page.getByLabel("Name").fill(who);
    await page.getByRole("button", { name: "Sign in" }).click();
  };

  it("a button leads to the provider, and back to where one was going", async () => {
    await page.goto(`${server.url}/?result=failure`);
    assert.equal(new URL(page.url()).pathname, "/sign-in");
    await is_clean("sign-in");
    await sign_in("u-1");
    await page.getByRole("heading", { name: "Nobody has given you access yet" }).waitFor();
    assert.equal(page.url(), `${server.url}/no-access`);
    await is_clean("no-access");
    await server.owner.call("POST", "/v1/access/bindings", { group: "oidc:platform-admins", role: "viewer" });
    await page.getByRole("button", { name: "Sign out" }).click();
    await context.clearCookies({ name: "_session" });
    await page.goto(`${server.url}/?result=failure`);
    await sign_in("u-1");
    await page.locator("#search").waitFor();
    assert.equal(page.url(), `${server.url}/?result=failure`);
    assert.deepEqual(faults.splice(0), []);
  });

  it("who turns away is told so, and may try again", async () => {
    await context.clearCookies();
    await page.goto(`${server.url}/sign-in`);
    await page.getByRole("link", { name: "Sign in with Acme ID" }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("heading", { name: "You were not signed in" }).waitFor();
    assert.equal(new URL(page.url()).pathname, "/sign-in/oidc/callback");
    await is_clean("declined");
    await sign_in("u-1");
    await page.locator(".list-head").waitFor();
    // Back is not in again: what is there is used up.
    await page.goto(`${server.url}/sign-in/oidc/callback?code=x&state=y`);
    await page.getByRole("heading", { name: "This sign-in was not begun here" }).waitFor();
    await is_clean("not-begun");
  });

  it("works without scripts", async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    const tab = await plain.newPage();
    await tab.goto(`${server.url}/`);
    await tab.getByRole("link", { name: "Sign in with Acme ID" }).click();
    await tab.getByLabel("Name").fill("u-1");
    await tab.getByRole("button", { name: "Sign in" }).click();
    await tab.waitForURL(`${server.url}/`);
    await plain.close();
  });
});
