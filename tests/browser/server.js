// Starts the real program on a free port with an empty data directory, and a browser to look at it.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const BINARY = process.env.MAR_AUDIT_BIN ?? join(import.meta.dirname, "../../target/debug/mar-audit");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/**
 * @param {{ access?: "open" | "required", flags?: string[] }} [how]
 * @returns {Promise<{ url: string, first_link: Promise<string>, stop: () => Promise<void>, record: (entries: object[]) => Promise<any> }>}
 */
export async function start_server({ access = "open", flags = [] } = {}) {
  // The known checkpoints lie beside the data directory, and go with it.
  const home = mkdtempSync(join(tmpdir(), "mar-audit-browser-"));
  const data = join(home, "data");
  const child = spawn(BINARY, ["serve", "--data", data, "--listen", "127.0.0.1:0", "--allow-volatile", ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    // Who may do what is told by tests of that.
    env: { ...process.env, MAR_AUDIT_ACCESS: access },
  });
  let said = "";
  child.stderr.on("data", (bytes) => (said += bytes));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const lines = createInterface({ input: child.stdout });
  /** What a guarded one prints once, while nobody owns it. */
  const first_link = new Promise((resolve) => lines.on("line", (line) => line.includes("/claim#") && resolve(line.match(/http:\S+/)[0])));
  const url = await new Promise((resolve, reject) => {
    lines.on("line", (line) => {
      const found = line.match(/http:\/\/[0-9.:]+/);
      if (found) resolve(found[0]);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
  });
  return {
    url,
    first_link,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
    async record(entries) {
      const answer = await fetch(`${url}/v1/entries`, {
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body: entries.map((entry) => JSON.stringify(entry)).join("\n"),
      });
      const receipts = await answer.json();
      if (!answer.ok || receipts.rejected > 0) throw new Error(JSON.stringify(receipts).slice(0, 2000));
      return receipts;
    },
  };
}

export const start_browser = () =>
  chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });

/**
 * A page that fails the test if it logs an error, breaks its content security policy, opens a dialog or asks another host.
 * @param {import("playwright-core").Browser} browser
 * @param {import("playwright-core").BrowserContextOptions} options
 */
export async function open_page(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: "Europe/Rome", locale: "en-GB", ...options });
  const page = await context.newPage();
  /** @type {string[]} */
  const faults = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !page.quiet) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("dialog", (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const host = new URL(request.url()).hostname;
    if (host !== "127.0.0.1" && !request.url().startsWith("blob:")) faults.push(`asked ${request.url()}`);
  });
  return Object.assign(page, { faults, quiet: false });
}
