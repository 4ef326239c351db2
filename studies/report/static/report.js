"use strict";
// Draws each figure from the data beside it. A figure that cannot be drawn keeps its still drawing.
(function () {
  const narrow = window.matchMedia("(max-width: 760px)").matches;
  const bins = 400; // across the width of a rate

  function show(figure) {
    const id = figure.dataset.figure;
    const content = JSON.parse(document.getElementById("data-" + id).textContent);
    if (narrow) {
      content.layout.dragmode = false; // a finger scrolls the page
      content.config.displayModeBar = false;
    }
    figure.classList.add("live"); // first: plotly measures the place it draws in
    const drawn = Plotly.newPlot("plot-" + id, content.data, content.layout, content.config);
    const rate = content.layout.meta && content.layout.meta.rate;
    return rate ? drawn.then((plot) => followZoom(plot, rate)) : drawn;
  }

  // A rate is counted again in bins that fit what is shown, down to one turn: its first trace and first note.
  function followZoom(plot, rate) {
    function count() {
      const shown = plot.layout.xaxis.range;
      const first = Math.max(0, Math.floor(shown[0] / rate.revolution));
      const last = Math.min(rate.total, Math.ceil(shown[1] / rate.revolution));
      const width = Math.max(1, Math.ceil((last - first) / bins));
      const counts = new Array(Math.max(1, Math.ceil((last - first) / width))).fill(0);
      for (const turn of rate.turns) {
        if (turn >= first && turn < last) counts[Math.floor((turn - first) / width)] += 1;
      }
      const mean = (rate.turns.length / rate.total) * width;
      const x = [], y = [];
      counts.forEach((number, place) => {
        x.push((first + place * width) * rate.revolution, (first + (place + 1) * width) * rate.revolution);
        y.push(number / mean, number / mean);
      });
      const note = "bins of " + told(width * rate.revolution) + (width === 1 ? ", one turn" : "");
      Plotly.update(plot, { x: [x], y: [y] }, { "annotations[0].text": note }, [0]);
    }
    plot.on("plotly_relayout", (change) => {
      if (Object.keys(change).some((key) => key === "autosize" || key.startsWith("xaxis."))) count();
    });
    count();
    return plot;
  }

  function told(seconds) {
    for (const [unit, size] of [["s", 1], ["ms", 1e-3], ["us", 1e-6]]) {
      if (seconds >= size) return Number((seconds / size).toPrecision(3)) + " " + unit;
    }
    return Number((seconds / 1e-9).toPrecision(3)) + " ns";
  }

  function keepDrawing(figure, error) {
    figure.classList.remove("live");
    console.error("figure " + figure.dataset.figure + ": " + error);
  }

  for (const figure of document.querySelectorAll("figure[data-figure]")) {
    try {
      show(figure).catch((error) => keepDrawing(figure, error));
    } catch (error) {
      keepDrawing(figure, error);
    }
  }
})();
