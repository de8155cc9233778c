// What came behind the # goes into the form, and out of the address and the history.

const field = document.querySelector("[data-secret]");
const secret = location.hash.slice(1);
if (field && secret) {
  field.querySelector("input").value = secret;
  field.hidden = true;
  history.replaceState(null, "", location.pathname + location.search);
  const form = field.closest("form");
  if (form.matches("[data-go]")) form.submit();
  else form.querySelector("input:not([name=link])").focus();
}
// The page around this one can bring another token.
if (document.querySelector("[data-over]")) parent.postMessage({ type: "mar-audit:over" }, "*");
