// A click on a region shows the nearest of the cases whose optics stand in another figure; its slider moves the ring.
const links = {}; // by the id of that figure: the case it shows, and what follows it
function linkedTo(figure) {
  return (links[figure] = links[figure] || { number: null, follow: [] });
}

followers.push((plot) => {
  const picks = plot.layout.meta && plot.layout.meta.picks;
  if (!picks) return;
  const ring = plot.data.length - 1; // the last trace stands around the case that is shown
  const encircle = (number) => Plotly.restyle(plot, { x: [[picks.x[number]]], y: [[picks.y[number]]] }, [ring]);
  plot.on("plotly_click", async (click) => {
    const spans = [plot.layout.xaxis, plot.layout.yaxis].map((axis) => axis.range[1] - axis.range[0]);
    const at = click.points[0];
    const far = picks.x.map((x, i) => Math.hypot((x - at.x) / spans[0], (picks.y[i] - at.y) / spans[1]));
    await plotOf(picks.figure);
    const show = sliders.get(picks.figure);
    if (show) show(far.indexOf(Math.min(...far)));
  });
  const link = linkedTo(picks.figure);
  link.follow.push(encircle);
  if (link.number !== null) encircle(link.number);
});

function caseShown(id, number) {
  const link = linkedTo(id);
  link.number = number;
  for (const follow of link.follow) follow(number);
}
