// Goes from one state of the list to another without loading the page anew: the server renders, this swaps.

let under_way = null;
/** What the page in view was rendered for. */
let shown = new URL(location.href.split("#")[0]);
/** @type {() => void} */
let upgrade = () => {};

const root = document.documentElement;

/** @param {() => void} upgraded called after every swap */
export function start(upgraded) {
  upgrade = upgraded;
  history.scrollRestoration = "auto";
  document.addEventListener("click", on_click);
  document.addEventListener("submit", on_submit);
  window.addEventListener("popstate", () => {
    const url = new URL(location.href);
    url.hash = "";
    if (url.href !== shown.href) go(url, false);
  });
  document.querySelector("tr.selected")?.scrollIntoView({ block: "nearest" });
}

/** @param {URL} url */
const is_list = (url) => url.origin === location.origin && url.pathname === "/" && location.pathname === "/";

/** @param {MouseEvent} event */
function on_click(event) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const from = event.target;
  const link = from.closest("a[href]");
  if (link) {
    const target = link instanceof SVGAElement ? link.href.baseVal : link.getAttribute("href");
    const url = new URL(target ?? "", location.href);
    const leaves = link.hasAttribute("data-leave") || link.hasAttribute("download") || (target ?? "").startsWith("#");
    if (leaves || !is_list(url)) return;
    event.preventDefault();
    go(url, true);
    return;
  }
  // A row is one big link, but not for someone who selects its text.
  const row = from.closest("tr[data-id]");
  if (row && !from.closest("button, input, summary") && String(getSelection()) === "") open_row(row);
}

/** @param {Element} row */
export function open_row(row) {
  const link = row.querySelector("a[href]");
  const url = new URL(link?.getAttribute("href") ?? shown.href, location.href);
  url.searchParams.set("selected", row.getAttribute("data-id") ?? "");
  go(url, true);
}

/** @param {SubmitEvent} event */
function on_submit(event) {
  const form = event.target;
  const url = new URL(form.action, location.href);
  if (form.method !== "get" || !is_list(url)) return;
  event.preventDefault();
  const fields = new FormData(form, event.submitter);
  url.search = "";
  for (const [name, value] of fields) if (value !== "") url.searchParams.append(name, String(value));
  for (const menu of document.querySelectorAll("details.menu[open]")) menu.removeAttribute("open");
  go(url, true);
}

/**
 * @param {URL} url
 * @param {boolean} push whether it is a new place in the history
 */
export async function go(url, push) {
  under_way?.abort();
  const mine = (under_way = new AbortController());
  const beside = differs_by_choice(shown, url);
  if (beside && !url.searchParams.has("selected")) {
    close_drawer();
    arrive(url, push);
    return;
  }
  root.setAttribute("aria-busy", "true");
  try {
    // In another site's frame nothing else says whose page asks.
    const headers = { ...(beside && { "x-part": "drawer" }), ...(self !== top && { "x-framed": "yes" }) };
    const answer = await fetch(url, { headers, signal: mine.signal });
    const kind = answer.headers.get("content-type") ?? "";
    if (!kind.startsWith("text/html")) throw new TypeError(`answered ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const landed = new URL(answer.url);
    landed.hash = url.hash;
    if (beside) put_drawer(page, url);
    else put_page(page, landed);
    arrive(landed, push);
    upgrade();
  } catch (error) {
    if (mine.signal.aborted) return;
    say_unreachable(url, push);
  } finally {
    if (under_way === mine) root.removeAttribute("aria-busy");
  }
}

/** @param {URL} url @param {boolean} push */
function arrive(url, push) {
  // The fragment only helps those without scripts to find their row again.
  const place = new URL(url);
  place.hash = "";
  if (push && place.href !== shown.href) history.pushState(null, "", place);
  else history.replaceState(null, "", place);
  shown = place;
}

/** @param {URL} a @param {URL} b */
function differs_by_choice(a, b) {
  const rest = (url) => {
    const params = new URLSearchParams(url.search);
    params.delete("selected");
    return url.pathname + "?" + params;
  };
  return rest(a) === rest(b) && a.searchParams.get("selected") !== b.searchParams.get("selected");
}

/** @param {Document} page @param {URL} url */
function put_page(page, url) {
  const [old, fresh] = [document.querySelector("#page"), page.querySelector("#page")];
  if (!old || !fresh) {
    location.assign(url);
    return;
  }
  const focus = name_of_focus();
  const facets = old.querySelector("#facets");
  const folded = [...old.querySelectorAll("details[data-key]")].map((d) => [d.getAttribute("data-key"), d.hasAttribute("open")]);
  const same_filter = url.searchParams.get("cursor") === shown.searchParams.get("cursor");
  old.replaceWith(document.adoptNode(fresh));
  for (const [key, open] of folded) fresh.querySelector(`details[data-key="${CSS.escape(String(key))}"]`)?.toggleAttribute("open", Boolean(open));
  document.title = page.title;
  const now = fresh.querySelector("#facets");
  if (facets && now) now.scrollTop = facets.scrollTop;
  if (!same_filter) document.querySelector("#main")?.scrollIntoView({ block: "start" });
  restore_focus(focus);
}

/** @param {Document} page @param {URL} url */
function put_drawer(page, url) {
  const fresh = page.querySelector("#drawer");
  const body = document.querySelector("#main");
  if (!fresh || !body) {
    location.assign(url);
    return;
  }
  const old = document.querySelector("#drawer");
  const inside = old?.contains(document.activeElement);
  const open = [...(old?.querySelectorAll("details[data-key][open]") ?? [])].map((d) => d.getAttribute("data-key"));
  document.adoptNode(fresh);
  if (old) old.replaceWith(fresh);
  else body.append(fresh);
  for (const key of open) fresh.querySelector(`details[data-key="${key}"]`)?.setAttribute("open", "");
  body.classList.add("with-drawer");
  body.classList.remove("alone");
  mark_row(url.searchParams.get("selected"));
  const narrow = matchMedia("(max-width: 899px)").matches;
  if (inside || narrow) fresh.focus({ preventScroll: true });
  if (narrow) fresh.scrollIntoView();
}

function close_drawer() {
  const body = document.querySelector("#main");
  const id = shown.searchParams.get("selected");
  document.querySelector("#drawer")?.remove();
  body?.classList.remove("with-drawer");
  body?.classList.toggle("alone", !document.querySelector("#facets"));
  mark_row(null);
  if (id) document.querySelector(`tr[data-id="${CSS.escape(id)}"] a`)?.focus();
}

/** @param {string | null} id */
function mark_row(id) {
  for (const row of document.querySelectorAll("tr.selected")) row.classList.remove("selected");
  if (!id) return;
  const row = document.querySelector(`tr[data-id="${CSS.escape(id)}"]`);
  row?.classList.add("selected");
  row?.scrollIntoView({ block: "nearest" });
}

/** How to find the focused thing again in the page that replaces this one. */
function name_of_focus() {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  if (at.id) return `#${CSS.escape(at.id)}`;
  const name = at.getAttribute("name");
  if (name) return `${at.localName}[name="${CSS.escape(name)}"]`;
  const title = at.getAttribute("title");
  return title ? `${at.localName}[title="${CSS.escape(title)}"]` : null;
}

/** @param {string | null} name */
function restore_focus(name) {
  const at = name && document.querySelector(`#page ${name}`);
  if (!at) return;
  at.focus({ preventScroll: true });
  if (at instanceof HTMLInputElement && at.type === "search") at.setSelectionRange(at.value.length, at.value.length);
}

/** @param {URL} url @param {boolean} push */
function say_unreachable(url, push) {
  const main = document.querySelector(".results") ?? document.body;
  main.querySelector("[data-unreachable]")?.remove();
  const notice = document.createElement("div");
  notice.className = "notice";
  notice.setAttribute("role", "alert");
  notice.dataset.unreachable = "";
  const words = document.createElement("div");
  words.textContent = "The server cannot be reached. What you see is what was loaded last. ";
  const again = document.createElement("button");
  again.className = "button";
  again.type = "button";
  again.textContent = "Try again";
  again.addEventListener("click", () => {
    notice.remove();
    go(url, push);
  });
  words.append(again);
  notice.append(words);
  main.prepend(notice);
}
