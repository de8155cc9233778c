// Who may do what, managed in a browser: people, groups, roles, tokens, sessions, auditor links, and one's own account.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import axe from "axe-core";
import { HOSTILE, routine } from "./data.js";
import { open_page, start_browser, start_server } from "./server.js";

const PASSWORD = "correct horse battery";
const PICTURES = process.env.PICTURES ?? join(import.meta.dirname, "out");
const SIZES = { wide: { width: 1600, height: 1000 }, middle: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };

describe("access", () => {
  let server, open, browser, owner, page;

  /** Calls the API as somebody whose cookie is known. @param {string} method @param {string} path @param {object} [body] */
  const call = async (method, path, body, cookie = owner) => {
    const headers = { "content-type": "application/json", "sec-fetch-site": "same-origin", cookie };
    const answer = await fetch(server.url + path, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${path}: ${answer.status} ${answer.ok || (await answer.clone().text())}`);
    return answer;
  };
  const made = async (/** @type {string} */ path, /** @type {object} */ body) => (await call("POST", path, body)).json();
  const cookie_of = (/** @type {Response} */ answer) => (answer.headers.get("set-cookie") ?? "").split(";")[0];
  const sign_in = async (/** @type {string} */ login, password = PASSWORD) => cookie_of(await call("POST", "/v1/access/sign-in", { login, password }, ""));
  /** A page of somebody's browser. @param {string} cookie @param {object} [options] */
  const as = async (cookie, options) => {
    page = await open_page(browser, options);
    const [name, value] = cookie.split("=");
    await page.context().addCookies([{ name, value, url: server.url }]);
    return page;
  };
  const field = (/** @type {string} */ name) => page.getByLabel(name, { exact: true });
  const press = (/** @type {string} */ name) => page.getByRole("button", { name, exact: true }).click();
  const follow = (/** @type {string | RegExp} */ name) => page.getByRole("link", { name, exact: typeof name === "string" }).first().click();
  const tick = (/** @type {string} */ value) => page.locator(`input[value="${value}"]`).check();
  const said = async () => (await page.locator("main").innerText()).replace(/\s+/g, " ");

  before(async () => {
    [server, open] = await Promise.all([start_server({ access: "required" }), start_server()]);
    const link = new URL(await server.first_link).hash.slice(1);
    owner = cookie_of(await call("POST", "/v1/access/claim", { link, login: "root@acme.example", name: "Root", password: PASSWORD }, ""));
    await call("POST", "/v1/entries", routine(60, Date.now()));
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

    it(`adds a person, a role of its own and gives it, ${how}`, async () => {
      await as(owner, { javaScriptEnabled });
      await page.goto(`${server.url}/access/roles`);
      await follow("New role");
      await field("Name").fill(`desk-${tag}`);
      await tick("entries:read");
      await tick("ip");
      await press("Make the role");
      await page.waitForURL(/\/access\/roles$/);
      assert.match(await said(), new RegExp(`desk-${tag} given to nobody`));
      await follow("People");
      await follow("Add");
      await field("Name").fill("Vera Rossi");
      await field("Login").fill(`vera-${tag}@acme.example`);
      await field("Password").fill(PASSWORD);
      await press("Add");
      await page.waitForURL(/\/access\/people\/\w{13}$/);
      assert.match(await said(), /No role yet: this account may do nothing/);
      await page.getByText("Give a role").click();
      await page.getByLabel("Role", { exact: true }).selectOption(`desk-${tag}`);
      await tick("organization");
      await field("Organization").fill("acme");
      await press("Give");
      await page.waitForURL(/#roles$/);
      assert.match(await said(), new RegExp(`desk-${tag} acme directly Remove`));
      const vera = await sign_in(`vera-${tag}@acme.example`);
      const { entries } = await (await call("GET", "/v1/entries?limit=9", undefined, vera)).json();
      assert.ok(entries.length > 0 && entries.every((entry) => entry.scope.organization === "acme" && !entry.request.ip));
    });

    it(`makes a token that works until it is revoked, ${how}`, async () => {
      await as(owner, { javaScriptEnabled });
      const bot = await made("/v1/access/users", { kind: "service", login: `bot-${tag}`, name: "Bot" });
      await made("/v1/access/bindings", { account: bot.id, role: "viewer" });
      await page.goto(`${server.url}/access/people/${bot.id}`);
      await follow("New token");
      assert.equal(await field("Login of its account").inputValue(), `bot-${tag}`);
      await field("Name").fill(`ci-${tag}`);
      await tick("entries:read");
      await press("Make the token");
      const secret = await page.getByLabel("Token", { exact: true }).innerText();
      assert.match(secret, /^mar_svc_/);
      const commands = await page.getByLabel("Command").allInnerTexts();
      assert.deepEqual(commands[0], `export MAR_AUDIT_TOKEN=${secret}`);
      assert.match(commands[1], /^curl -H "Authorization: Bearer \$MAR_AUDIT_TOKEN" 'http/);
      const ask = () => fetch(`${server.url}/v1/entries`, { headers: { authorization: `Bearer ${secret}` } });
      assert.equal((await ask()).status, 200);
      await follow("Done");
      await page.getByRole("link", { name: `Revoke ci-${tag}` }).click();
      assert.match(await said(), /It cannot be taken back/);
      await press("Revoke");
      await page.waitForURL(/\/access\/tokens$/);
      assert.equal((await ask()).status, 401);
      assert.doesNotMatch(await said(), new RegExp(`ci-${tag}`));
    });

    it(`shows how much an auditor's link would show before it is made, ${how}`, async () => {
      await as(owner, { javaScriptEnabled });
      await page.goto(`${server.url}/access/links/new`);
      await field("For whom").fill(`Audit & Co ${tag}`);
      await tick("organization");
      await field("Organization").fill("acme");
      await field("Only entries that match").fill("result:failure category:cluster accion:x");
      await press("See what it shows");
      assert.match(await page.locator("#filter-fault").innerText(), /accion/);
      page.faults.length = 0; // the browser logs the 422
      await field("Only entries that match").fill("result:failure");
      await press("See what it shows");
      const { entries } = await (await call("GET", "/v1/entries?organization=acme&result=failure")).json();
      assert.match(await said(), new RegExp(`It shows ${entries.length} entries`));
      await press("Change it");
      assert.equal(await field("Only entries that match").inputValue(), "result:failure");
      await press("See what it shows");
      await press("Make the link");
      const url = await page.getByLabel("Link", { exact: true }).innerText();
      const secret = url.split("#")[1];
      assert.equal(url, `${server.url}/link#${secret}`);
      const seen = await fetch(`${server.url}/v1/entries`, { headers: { authorization: `Bearer ${secret}` } });
      assert.equal((await seen.json()).entries.length, entries.length);
      await follow("Done");
      await page.getByRole("link", { name: `Revoke Audit & Co ${tag}` }).click();
      await press("Revoke");
      await page.waitForURL(/\/access\/links$/);
      assert.equal((await fetch(`${server.url}/v1/entries`, { headers: { authorization: `Bearer ${secret}` } })).status, 401);
    });
  }

  it("disables somebody after saying what stops, and enables them again", async () => {
    const user = await made("/v1/access/users", { login: "gone", name: "Gone Soon", password: PASSWORD });
    await made("/v1/access/bindings", { account: user.id, role: "viewer" });
    await made("/v1/access/tokens", { account: user.id, name: "one", permissions: ["entries:read"] });
    const theirs = await sign_in("gone");
    await as(owner);
    await page.goto(`${server.url}/access/people?search=gone`);
    await follow("Gone Soon");
    await follow("Disable…");
    assert.match(await said(), /This stops 1 token, 1 session/);
    await press("Disable");
    await page.waitForURL(/\/access\/people\/\w{13}$/);
    const refused = await fetch(`${server.url}/v1/access/me`, { headers: { cookie: theirs } });
    assert.equal(refused.status, 401);
    await press("Enable");
    assert.doesNotMatch(await said(), /disabled/);
    await sign_in("gone");
    await page.getByRole("link", { name: "What they did" }).click();
    await page.waitForURL(/actor=/);
    assert.match(await page.locator(".entries").innerText(), /signIn|Sign in/);
  });

  it("says who has a role that is in use, and that the last owner stays", async () => {
    await call("PUT", "/v1/access/roles/used", { permissions: ["entries:read"] });
    await made("/v1/access/bindings", { group: "night", role: "used", organization: "acme" });
    await as(owner);
    await page.goto(`${server.url}/access/roles`);
    await page.getByRole("link", { name: "Remove… used" }).click();
    assert.match(await said(), /used is in use .* night group in acme/);
    assert.equal(await page.locator("main form").count(), 0);
    const { actor } = await (await call("GET", "/v1/access/me")).json();
    await page.goto(`${server.url}/access/people/${actor.id}/disable`);
    page.quiet = true; // the browser logs the 409
    await press("Disable");
    assert.match(await page.getByRole("alert").innerText(), /last owner/);
  });

  it("lets everybody manage their own part, and nothing else", async () => {
    const user = await made("/v1/access/users", { login: "self", name: "Self", password: PASSWORD });
    await made("/v1/access/bindings", { account: user.id, role: "auditor", organization: "acme", projects: ["payments"] });
    await sign_in("self");
    await as(await sign_in("self"));
    await page.goto(server.url);
    await page.locator(".account > summary").click();
    await follow("Your account");
    assert.match(await said(), /Read, export and verify in acme \/ payments/);
    await follow("New token");
    await field("Name").fill("laptop");
    await tick("entries:read");
    await press("Make the token");
    assert.match(await page.getByLabel("Token", { exact: true }).innerText(), /^mar_pat_/);
    await follow("Done");
    assert.match(await said(), /laptop/);
    await page.locator("tr", { hasNotText: "this one" }).getByRole("link", { name: /^End the session/ }).click();
    await press("End it");
    await page.waitForURL(/\/account$/);
    assert.equal(await page.getByRole("link", { name: /^End the session/ }).count(), 1);
    page.quiet = true; // the browser logs refusals
    await field("Password you have").fill("not the old one");
    await field("New password").fill("another long password");
    await field("New password again").fill("another long password");
    await press("Change password");
    assert.match(await page.locator("#old_password-fault").innerText(), /is not that of this account/);
    assert.equal(await field("New password").inputValue(), "");
    await field("Password you have").fill(PASSWORD);
    await field("New password").fill("another long password");
    await field("New password again").fill("another long password");
    await press("Change password");
    assert.match(await page.getByRole("status").innerText(), /password is changed/);
    await sign_in("self", "another long password");
    assert.equal((await page.goto(`${server.url}/access/people`)).status(), 403);
    assert.match(await page.locator("main").innerText(), /access:manage/);
  });

  it("copies a secret, and shows only the fields that a choice needs", async () => {
    await as(owner);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(`${server.url}/account/tokens/new`);
    assert.equal(await field("Organization").isVisible(), false);
    await tick("organization");
    assert.equal(await field("Organization").isVisible(), true);
    assert.equal(await page.getByLabel("Projects, one a line").isVisible(), false);
    await tick("projects");
    assert.equal(await page.getByLabel("Projects, one a line").isVisible(), true);
    await tick("server");
    assert.equal(await page.getByText(/works for whoever finds it/).isVisible(), false);
    await tick("never");
    assert.equal(await page.getByText(/works for whoever finds it/).isVisible(), true);
    await field("Name").fill("copied");
    await tick("entries:read");
    await press("Make the token");
    await press("Copy");
    await page.locator("[data-copied]").waitFor();
    const secret = await page.getByLabel("Token", { exact: true }).innerText();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
  });

  it("says that access is open where it is", async () => {
    page = await open_page(browser);
    for (const path of ["/access/people", "/account"]) {
      await page.goto(open.url + path);
      assert.match(await said(), /Access is open .*--access required/);
    }
  });

  describe("looks", () => {
    /** @type {Record<string, string>} */
    let states;

    before(async () => {
      const bo = await made("/v1/access/users", { login: "bo@acme.example", name: "Bo Li", password: PASSWORD });
      await made("/v1/access/users", { login: "eve", name: `${HOSTILE}\u202E`, password: PASSWORD });
      await call("PUT", "/v1/access/roles/support", { permissions: ["entries:read", "entries:export"], mask: ["ip", "email"] });
      const binding = await made("/v1/access/bindings", { account: bo.id, role: "support", organization: "acme", projects: ["payments", "search"] });
      await made("/v1/access/bindings", { account: bo.id, role: "auditor", organization: "globex" });
      await made("/v1/access/bindings", { group: "on-call", role: "viewer" });
      await call("PATCH", `/v1/access/users/${bo.id}`, { groups: ["on-call"] });
      const token = { account: bo.id, name: "laptop of Bo", permissions: ["entries:read"] };
      const { token: kept } = await made("/v1/access/tokens", { ...token, expires_at: new Date(Date.now() + 90 * 86_400_000).toISOString() });
      const soon = new Date(Date.now() + 300);
      await made("/v1/access/tokens", { ...token, name: "old", expires_at: soon.toISOString() });
      const expires_at = new Date(Date.now() + 30 * 86_400_000).toISOString();
      await made("/v1/access/links", { name: "Auditors & Co", permissions: ["entries:read", "entries:export"], organization: "acme", filter: "result:failure category:cluster", mask: ["ip"], expires_at });
      await sign_in("bo@acme.example");
      states = {
        people: "/access/people", nobody: "/access/people?search=zzz", new_person: "/access/people/new", person: `/access/people/${bo.id}`,
        disable: `/access/people/${bo.id}/disable`, unbind: `/access/bindings/${binding.id}/remove`, groups: "/access/groups", group: "/access/groups/on-call",
        roles: "/access/roles", new_role: "/access/roles/new", edit_role: "/access/roles/support/edit", remove_role: "/access/roles/support/remove",
        tokens: "/access/tokens", new_token: "/access/tokens/new", revoke: `/access/tokens/${kept.id}/revoke`, sessions: "/access/sessions",
        links: "/access/links", new_link: "/access/links/new", account: "/account", own_token: "/account/tokens/new",
      };
    });

    const violations = async () => {
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      return violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary}`).join(" | ")}`);
    };
    const checked = async (/** @type {string} */ name, /** @type {string} */ picture) => {
      await page.screenshot({ path: join(PICTURES, `access-${name}-${picture}.png`), fullPage: true });
      assert.deepEqual(await violations(), [], name);
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `${name} is too wide`);
    };

    for (const colorScheme of ["light", "dark"]) {
      for (const [size, viewport] of Object.entries(SIZES)) {
        it(`has no violation on any page, ${colorScheme}, ${size}`, async () => {
          await as(owner, { colorScheme, viewport });
          page.quiet = true; // refused forms are logged by the browser
          const picture = `${size}-${colorScheme}`;
          for (const [name, path] of Object.entries(states)) {
            await page.goto(server.url + path);
            await checked(name, picture);
          }
          await page.goto(`${server.url}/access/people/new`);
          await field("Name").fill("x");
          await field("Login").fill("not a login");
          await press("Add");
          await checked("fault", picture);
          await page.goto(`${server.url}/account/tokens/new`);
          await field("Name").fill("shown");
          await tick("entries:read");
          await press("Make the token");
          await checked("secret", picture);
          await page.goto(`${server.url}/access/links/new`);
          await field("For whom").fill("Auditors");
          await tick("server");
          await press("See what it shows");
          await checked("preview", picture);
          await page.goto(`${open.url}/access`);
          await checked("open", picture);
        });
      }
    }

    it("leads through a form by keys alone", async () => {
      await as(owner);
      await page.goto(`${server.url}/access/people/new`);
      await field("Name").focus();
      await page.keyboard.type("By Keys");
      await page.keyboard.press("Tab");
      await page.keyboard.type("by-keys");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/access\/people\/\w{13}$/);
      assert.match(await said(), /By Keys/);
    });
  });
});
