// What if: two sliders go through the cases of a region, and each requirement tells its value and verdict there.
const verdictsOf = { p: ["pass", "PASS"], f: ["fail", "FAIL"], n: ["not-evaluated", "no answer"] };

function made(tag, properties, ...inside) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
}

function verdictMark(letter) {
  const [kind, word] = verdictsOf[letter];
  const mark = document.getElementById("marks").content.querySelector("." + kind).cloneNode(true);
  mark.lastChild.textContent = word;
  return mark;
}

function cellsOf(row, number) {
  const value = row.values[number];
  const told = value === null ? "" : String(Number(value.toPrecision(3))).replace("-", "\u2212") + (row.unit ? " " + row.unit : "");
  return [told + " ", verdictMark(row.verdicts[number])];
}

followers.push((plot, id) => {
  const given = plot.layout.meta && plot.layout.meta.what_if;
  if (!given) return;
  const [first, second] = given.axes;
  const caseOf = (at) => at[0] * second.values.length + at[1];
  const design = [first.at, second.at];
  const here = [...design];

  const inputs = given.axes.map((axis, place) => {
    const input = made("input", { type: "range", id: "what-if-" + id + "-" + place, min: 0, step: 1, max: axis.values.length - 1, value: axis.at });
    return [input, made("output", { htmlFor: input.id }), axis];
  });
  const rows = inputs.map(([input, told, axis]) =>
    made("div", { className: "slider" }, made("label", { htmlFor: input.id }, axis.name), input, told));
  const back = made("button", { type: "button" }, "Back to the design");
  const summary = made("p", { className: "held" });
  summary.setAttribute("role", "status");
  const lines = given.rows.map((row) => {
    const shown = made("td");
    const limit = made("td", { className: "numeric" }, row.limit);
    const before = made("td", {}, ...cellsOf(row, caseOf(design)));
    return [row, shown, made("tr", {}, made("th", { scope: "row" }, row.id), made("td", {}, row.text), limit, before, shown)];
  });
  const heads = ["Id", "Requirement", "Limit", "At the design", "Here"].map((word) => made("th", { scope: "col" }, word));
  const table = made("table", {}, made("thead", {}, made("tr", {}, ...heads)), made("tbody", {}, ...lines.map((line) => line[2])));
  const scroll = made("div", { className: "scroll", tabIndex: 0 }, table);
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "What if: requirements of the chosen case, " + id);
  const box = made("div", { className: "what-if" }, made("p", {}, made("strong", {}, "What if? "), "Move the machine through the region: requirements follow. The design stands for the case nearest to it."), ...rows, back, summary, scroll);
  document.getElementById("figure-" + id).querySelector(".box").after(box);

  function show() {
    inputs.forEach(([input, told, axis], place) => {
      told.textContent = axis.values[here[place]] + (axis.unit ? " " + axis.unit : "");
      input.value = here[place];
      input.setAttribute("aria-valuetext", told.textContent);
    });
    const number = caseOf(here);
    let passes = 0;
    const turned = [];
    for (const [row, shown, line] of lines) {
      shown.replaceChildren(...cellsOf(row, number));
      const other = row.verdicts[number] !== row.verdicts[caseOf(design)];
      line.classList.toggle("turned", other);
      if (other) turned.push(row.id);
      passes += row.verdicts[number] === "p";
    }
    const rest = given.others ? " " + given.others + " others need a run of their own." : "";
    const changed = turned.length ? " Other than at the design: " + turned.join(", ") + "." : " As at the design.";
    summary.textContent = passes + " of " + lines.length + " pass." + changed + rest;
    const x = first.values[here[0]], y = second.values[here[1]];
    const line = { type: "line", line: { color: "#1A1A1A", width: 1, dash: "dot" } };
    Plotly.relayout(plot, { shapes: [
      { ...line, xref: "x", x0: x, x1: x, yref: "paper", y0: 0, y1: 1 },
      { ...line, yref: "y", y0: y, y1: y, xref: "paper", x0: 0, x1: 1 },
    ] });
  }
  let waiting = false;
  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; show(); });
  }
  inputs.forEach(([input], place) => input.addEventListener("input", () => { here[place] = Number(input.value); soon(); }));
  back.addEventListener("click", () => { here.splice(0, 2, ...design); show(); });
  show();
});
