// A rate is counted again in bins that fit what is shown, down to one turn: its first trace and first note.
const bins = 400; // across the width of a rate

followers.push((plot) => {
  const rate = plot.layout.meta && plot.layout.meta.rate;
  if (!rate) return;
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
});

function told(seconds) {
  for (const [unit, size] of [["s", 1], ["ms", 1e-3], ["us", 1e-6]]) {
    if (seconds >= size) return Number((seconds / size).toPrecision(3)) + " " + unit;
  }
  return Number((seconds / 1e-9).toPrecision(3)) + " ns";
}
