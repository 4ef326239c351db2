// One place along s in all that shows it: figures over s, the floor plan, tables with a column of s. Where a page holds
// several studies, those of one study.
const alongS = []; // of each: its figure or table, and how it shows a place
const HEAD_OF_S = "s [m]";
let nextPlace = null;

function pointAt(s, source) {
  if (!nextPlace) requestAnimationFrame(() => {
    const { s, source } = nextPlace;
    nextPlace = null;
    const study = source.closest("article");
    for (const one of alongS) if (one.owner.closest("article") === study) one.show(s, one.owner === source);
  });
  nextPlace = { s, source };
}

function mark(plot, kind) {
  const made = Object.assign(document.createElement("div"), { className: "at-s " + kind, hidden: true });
  plot.append(made);
  return made;
}

function onScreen(node) {
  const box = node.getBoundingClientRect();
  return box.bottom > 0 && box.top < window.innerHeight;
}

// The axes of a plot change when it is zoomed or gets another width: they are asked each time.
followers.push((plot) => {
  const axisOf = () => Object.values(plot._fullLayout).find((axis) => axis && axis.title && axis.l2p && axis.title.text === HEAD_OF_S);
  if (!axisOf()) return;
  const line = mark(plot, "line");
  const unified = String(plot.layout.hovermode).endsWith("unified");
  const panels = Object.keys(plot._fullLayout._plots);
  plot.addEventListener("mousemove", (event) => {
    const axis = axisOf();
    const across = event.clientX - plot.getBoundingClientRect().left - axis._offset;
    if (across >= 0 && across <= axis._length) pointAt(axis.p2l(across), plot);
  });
  function show(s, own) {
    const axis = axisOf(), size = plot._fullLayout._size, across = axis.l2p(s);
    line.hidden = across < 0 || across > axis._length;
    Object.assign(line.style, { left: axis._offset + across + "px", top: size.t + "px", height: size.h + "px" });
    if (!own && unified && !line.hidden && onScreen(plot)) Plotly.Fx.hover(plot, { xval: s }, panels);
  }
  alongS.push({ owner: plot, show });
});

followers.push((plot) => {
  const path = plot.data.find((trace) => trace.meta && trace.meta.s);
  if (!path) return;
  const ring = mark(plot, "ring"), length = path.meta.s;
  const pixels = (i) => {
    const { xaxis, yaxis } = plot._fullLayout;
    return [xaxis._offset + xaxis.l2p(path.x[i]), yaxis._offset + yaxis.l2p(path.y[i])];
  };
  plot.addEventListener("mousemove", (event) => {
    const box = plot.getBoundingClientRect();
    const far = length.map((_, i) => {
      const [x, y] = pixels(i);
      return Math.hypot(x - event.clientX + box.left, y - event.clientY + box.top);
    });
    const nearest = far.indexOf(Math.min(...far));
    if (far[nearest] < 40) pointAt(length[nearest], plot);
  });
  alongS.push({ owner: plot, show: (s) => {
    const after = length.findIndex((one) => one >= s);
    ring.hidden = after < 0;
    if (after < 0) return;
    const before = Math.max(0, after - 1), span = length[after] - length[before];
    const part = span > 0 ? (s - length[before]) / span : 0;
    const [[x0, y0], [x1, y1]] = [pixels(before), pixels(after)];
    Object.assign(ring.style, { left: x0 + part * (x1 - x0) + "px", top: y0 + part * (y1 - y0) + "px" });
  } });
});

for (const table of document.querySelectorAll(".table table")) {
  const column = [...table.querySelectorAll("thead th")].findIndex((head) => head.textContent === HEAD_OF_S);
  if (column < 0) continue;
  const rows = [...table.querySelectorAll("tbody tr")];
  const places = rows.map((row) => Number(row.cells[column].textContent.replace("\u2212", "-")));
  const clear = () => rows.forEach((row) => row.classList.remove("at-s"));
  rows.forEach((row, i) => row.addEventListener("mouseenter", () => pointAt(places[i], table)));
  alongS.push({ owner: table, show: (s) => {
    clear();
    const found = places.reduce((best, place, i) => (place <= s + 1e-6 && !(place < places[best]) ? i : best), -1);
    if (found >= 0) rows[found].classList.add("at-s");
  } });
}
