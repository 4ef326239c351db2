"use strict";
// Draws each figure from the data beside it. A figure that cannot be drawn keeps its still drawing.
(function () {
  const narrow = window.matchMedia("(max-width: 760px)").matches;

  function show(figure) {
    const id = figure.dataset.figure;
    const content = JSON.parse(document.getElementById("data-" + id).textContent);
    if (narrow) {
      content.layout.dragmode = false; // a finger scrolls the page
      content.config.displayModeBar = false;
    }
    figure.classList.add("live"); // first: plotly measures the place it draws in
    return Plotly.newPlot("plot-" + id, content.data, content.layout, content.config);
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
