// A slider of a figure is the page's own, so that a keyboard reaches it: arrows move it, Home and End go to its ends.
const sliders = new Map(); // by the id of the figure: how to show one of its stops

function plain(text) { // of plotly's text, which escapes names
  return new DOMParser().parseFromString(text.replace(/<br\s*\/?>/g, " "), "text/html").body.textContent;
}

function addSlider(figure, plot, slider) {
  const id = "slider-" + figure.dataset.figure;
  const told = document.createElement("output");
  const input = Object.assign(document.createElement("input"), { type: "range", id: id, min: 0, step: 1 });
  input.max = slider.steps.length - 1;
  const label = Object.assign(document.createElement("label"), { htmlFor: id });
  label.textContent = plain(slider.currentvalue.prefix).replace(/[\s=:]+$/, "") || "Case";
  told.htmlFor = id;
  const row = Object.assign(document.createElement("div"), { className: "slider" });
  row.append(label, input, told);
  figure.querySelector(".box").after(row);

  function show(number) {
    const step = slider.steps[number];
    input.value = number;
    told.textContent = plain(step.label);
    input.setAttribute("aria-valuetext", told.textContent);
    caseShown(figure.dataset.figure, number);
    momentShown(plot, number);
    return Plotly.update(plot, step.args[0], step.args[1]);
  }
  let waiting = false;
  input.addEventListener("input", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; show(Number(input.value)); });
  });
  sliders.set(figure.dataset.figure, show);
  input.value = slider.active;
  told.textContent = plain(slider.steps[slider.active].label);
  input.setAttribute("aria-valuetext", told.textContent);
  addPlay(plot, input, show);
}
