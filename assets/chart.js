// Dragging over the chart zooms into that time.

import { go } from "./navigate.js";

/** Pixels a hand moves without meaning to. */
const SLIP = 5;

/** @param {ParentNode} within */
export function upgrade(within) {
  for (const svg of within.querySelectorAll("svg[data-chart]:not([data-ready])")) {
    svg.setAttribute("data-ready", "");
    listen(svg);
  }
}

/** @param {SVGSVGElement} svg */
function listen(svg) {
  const figure = svg.closest("figure");
  const [from, to] = [Date.parse(figure?.dataset.from ?? ""), Date.parse(figure?.dataset.to ?? "")];
  /** @type {{ x: number, zoom: SVGRectElement } | null} */
  let drag = null;
  let dragged = false;
  const place = (event) => {
    const box = svg.getBoundingClientRect();
    return Math.min(Math.max(event.clientX - box.left, 0), box.width);
  };

  svg.addEventListener("dragstart", (event) => event.preventDefault());
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    dragged = false;
    drag = { x: place(event), zoom: document.createElementNS("http://www.w3.org/2000/svg", "rect") };
    drag.zoom.setAttribute("class", "zoom");
    drag.zoom.setAttribute("height", "70");
  });
  svg.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const x = place(event);
    if (!dragged && Math.abs(x - drag.x) < SLIP) return;
    if (!dragged) {
      dragged = true;
      svg.setPointerCapture(event.pointerId);
      svg.append(drag.zoom);
    }
    drag.zoom.setAttribute("x", String(Math.min(x, drag.x)));
    drag.zoom.setAttribute("width", String(Math.abs(x - drag.x)));
  });
  const stop = () => {
    drag?.zoom.remove();
    drag = null;
  };
  svg.addEventListener("pointercancel", stop);
  svg.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const ends = [drag.x, place(event)].sort((a, b) => a - b);
    stop();
    if (!dragged) return;
    const width = svg.getBoundingClientRect().width;
    const at = (x) => new Date(from + ((to - from) * x) / width).toISOString();
    const url = new URL(location.href);
    for (const name of ["cursor", "selected"]) url.searchParams.delete(name);
    url.searchParams.set("from", at(ends[0]));
    url.searchParams.set("to", at(ends[1]));
    go(url, true);
  });
  // The click that ends a drag is not a click on the bar below it.
  svg.addEventListener(
    "click",
    (event) => {
      if (!dragged) return;
      dragged = false;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );
}
