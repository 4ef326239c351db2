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

  // A click on a region shows the nearest of the cases whose optics stand in another figure; its slider moves the ring.
  function followPicks(plot) {
    const picks = plot.layout && plot.layout.meta && plot.layout.meta.picks;
    const other = picks && document.getElementById("plot-" + picks.figure);
    if (!other || !other.layout) return;
    const ring = plot.data.length - 1; // the last trace stands around the case that is shown
    const encircle = (number) => Plotly.restyle(plot, { x: [[picks.x[number]]], y: [[picks.y[number]]] }, [ring]);
    plot.on("plotly_click", (click) => {
      const spans = [plot.layout.xaxis, plot.layout.yaxis].map((axis) => axis.range[1] - axis.range[0]);
      const at = click.points[0];
      const far = picks.x.map((x, i) => Math.hypot((x - at.x) / spans[0], (picks.y[i] - at.y) / spans[1]));
      const number = far.indexOf(Math.min(...far));
      const [data, layout] = other.layout.sliders[0].steps[number].args;
      Plotly.update(other, data, { ...layout, "sliders[0].active": number });
      for (const one of linkedTo(picks.figure)) one(number);
    });
    linkedTo(picks.figure).push(encircle);
    if (linkedTo(picks.figure).length === 1) {
      other.on("plotly_sliderchange", (change) => {
        for (const one of linkedTo(picks.figure)) one(change.slider.active);
      });
    }
  }

  const links = {};
  function linkedTo(figure) {
    return (links[figure] = links[figure] || []);
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

  const shown = [];
  for (const figure of document.querySelectorAll("figure[data-figure]")) {
    try {
      shown.push(show(figure).catch((error) => keepDrawing(figure, error)));
    } catch (error) {
      keepDrawing(figure, error);
    }
  }
  Promise.all(shown).then((plots) => plots.forEach((plot) => plot && plot.on && followPicks(plot)));
})();
