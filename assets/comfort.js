// Small comforts: copying, the reader's own time zone, colours at once.

const done = new WeakSet();

/** @param {Document} within */
export function upgrade(within) {
  each(within, "[data-copy]", (button) => {
    button.hidden = false;
    button.addEventListener("click", () => copy(button, button.dataset.copy ?? ""));
  });
  each(within, "[data-copy-raw]", (button) => {
    button.hidden = false;
    button.addEventListener("click", () => copy(button, button.parentElement?.querySelector("pre")?.textContent ?? ""));
  });
  each(within, "[data-copy-here]", (button) => {
    button.hidden = false;
    button.addEventListener("click", () => copy(button, location.href));
  });
  each(within, "[data-here]", (field) => {
    const show = () => (field.value = location.href);
    field.closest("details")?.addEventListener("toggle", show);
  });
  each(within, "[data-local-zone]", (button) => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    button.hidden = !zone;
    button.textContent = `Mine: ${zone}`;
    button.addEventListener("click", () => {
      const form = button.form;
      const field = form?.querySelector('[name="tz"]');
      if (field) field.value = zone;
      form?.requestSubmit();
    });
  });
  each(within, "time[data-local]", local);
  each(within, "#theme", (button) => button.addEventListener("click", theme));
}

/** @param {Document} within @param {string} selector @param {(found: HTMLElement) => void} act */
function each(within, selector, act) {
  for (const found of within.querySelectorAll(selector)) {
    if (done.has(found)) continue;
    done.add(found);
    act(found);
  }
}

/** @param {HTMLElement} button @param {string} text */
async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without a secure context there is only the old way.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.dataset.copied = "";
  button.addEventListener("blur", () => delete button.dataset.copied, { once: true });
}

/** The server knows no zone until one is chosen; the browser knows its own. @param {HTMLElement} time */
function local(time) {
  const text = time.getAttribute("datetime") ?? "";
  const fraction = text.match(/\.\d+/)?.[0] ?? "";
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return;
  const format = new Intl.DateTimeFormat("en-GB", {
    weekday: "short", day: "numeric", month: "short", year: "numeric",
    hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short", hourCycle: "h23",
  });
  const part = Object.fromEntries(format.formatToParts(at).map((p) => [p.type, p.value]));
  time.textContent = `${part.weekday} ${part.day} ${part.month} ${part.year}, ${part.hour}:${part.minute}:${part.second}${fraction} ${part.timeZoneName}`;
}

/** @param {Event} event */
function theme(event) {
  event.preventDefault();
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const next = dark ? "light" : "dark";
  root.dataset.theme = next;
  document.cookie = `mar_audit_theme=${next}; Path=/; Max-Age=31536000; SameSite=Lax`;
}
