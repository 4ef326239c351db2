// What stands at the pointer is told in a strip below the figure, not in a box over its curves.
followers.push((plot) => {
  if (!String(plot.layout.hovermode).endsWith("unified")) return;
  const strip = Object.assign(document.createElement("p"), { className: "reading" });
  strip.textContent = "Point at the figure to read its values.";
  plot.closest(".box").after(strip);
  plot.on("plotly_hover", () => {
    const box = plot.querySelector(".hoverlayer .legend");
    if (box) strip.replaceChildren(...readings(box));
  });
});

function readings(box) {
  const title = Object.assign(document.createElement("strong"), { textContent: textOf(box, ".legendtitletext") });
  return [title, ...[...box.querySelectorAll(".traces")].map(reading)];
}

function reading(entry) {
  const told = Object.assign(document.createElement("span"), { textContent: textOf(entry, ".legendtext") });
  const line = entry.querySelector(".legendlines path, .legendpoints path");
  if (line) told.style.borderColor = line.style.stroke || line.style.fill;
  return told;
}

// Lines of a text are pieces of their own.
function textOf(node, kind) {
  const text = node.querySelector(kind);
  if (!text) return "";
  const lines = [...text.querySelectorAll(".line")].map((line) => line.textContent);
  return lines.length ? lines.join(", ") : text.textContent;
}
