// Draws each figure from the data beside it when it comes into view. A figure that cannot be drawn keeps its drawing.
const narrow = window.matchMedia("(max-width: 760px)").matches;
const plots = new Map(); // by the id of the figure: the promise of its plot
const followers = []; // what is done with each plot that was drawn
let library = null;
let last = Promise.resolve();

// The policy names this script by its hash: no other text that is put in here runs.
function plotly() {
  library = library || unpacked(document.getElementById("plotly").textContent).then((text) => {
    const script = document.createElement("script");
    script.textContent = text;
    document.head.append(script);
  });
  return library;
}

// The plot of a figure, drawn now if it is not yet; one after the other, the screen painted in between.
function plotOf(id) {
  if (!plots.has(id)) {
    const figure = document.getElementById("figure-" + id);
    last = last.then(() => show(figure)).catch((error) => keepDrawing(figure, error));
    plots.set(id, last);
    last = last.then((plot) => new Promise((done) => setTimeout(() => done(plot))));
  }
  return plots.get(id);
}

async function show(figure) {
  const id = figure.dataset.figure;
  const [text] = await Promise.all([unpacked(document.getElementById("data-" + id).textContent), plotly()]);
  const content = JSON.parse(text);
  if (narrow) {
    content.layout = content.phone; // laid out for its width
    content.layout.dragmode = false; // a finger scrolls the page
    content.config.displayModeBar = false;
    for (const trace of content.data.filter((trace) => trace.type === "heatmap")) {
      if (content.cells) trace.textfont = { ...trace.textfont, size: content.cells };
      else delete trace.texttemplate; // no number that fits its cell could be read: a touch tells it
    }
  }
  const [slider] = content.layout.sliders || [];
  delete content.layout.sliders;
  figure.classList.add("live"); // first: plotly measures the place it draws in
  const plot = await Plotly.newPlot("plot-" + id, content.data, content.layout, content.config);
  if (slider) addSlider(figure, plot, slider);
  for (const follow of followers) follow(plot, id);
  return plot;
}

function keepDrawing(figure, error) {
  figure.classList.remove("live");
  console.error("figure " + figure.dataset.figure + ": " + error);
}

function drawInView() {
  const all = document.querySelectorAll("figure[data-figure]");
  if (!all.length || !window.DecompressionStream) return;
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watch.unobserve(entry.target);
      plotOf(entry.target.dataset.figure);
    }
  }, { rootMargin: "600px 0px" });
  for (const figure of all) watch.observe(figure);
  plotly().catch((error) => console.error("plotly: " + error));
}
