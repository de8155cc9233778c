// Menus close when one looks elsewhere; fields of choice apply at once.

export function start() {
  document.addEventListener("click", (event) => {
    const inside = event.target.closest("details.menu");
    for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== inside) menu.removeAttribute("open");
  });
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field instanceof HTMLSelectElement && field.hasAttribute("data-submit")) {
      // A preset replaces a custom range, whose end is a hidden field beside it.
      if (field.hasAttribute("data-range")) for (const to of field.form?.querySelectorAll('input[type="hidden"][name="to"]') ?? []) to.remove();
      field.form?.requestSubmit();
    }
  });
}

/** Closes the open menu, if there is one. */
export function close_menu() {
  const menu = document.querySelector("details.menu[open]");
  menu?.removeAttribute("open");
  menu?.querySelector("summary")?.focus();
  return Boolean(menu);
}
