// One clock for what a film shows: its play button, and a line at its moment in all figures over time. Where a page
// holds several studies, those of one study.
const HEAD_OF_TIME = "time [s]";
const whole = 10000; // ms: how long a film takes
const films = []; // of each: its figure and the moment it shows
const overTime = []; // of each: its figure, and how it shows a moment

function clockOf(plot) {
  return plot.layout.meta && plot.layout.meta.clock;
}

function momentShown(plot, number) {
  const study = plot.closest("article"), clock = clockOf(plot);
  if (!clock) return;
  films.find((film) => film.owner === plot).moment = clock[number];
  for (const one of overTime) if (one.owner.closest("article") === study) one.show(clock[number]);
}

followers.push((plot) => {
  const axisOf = () => Object.values(plot._fullLayout).find((axis) => axis && axis.l2p && axis.title && axis.title.text === HEAD_OF_TIME);
  if (clockOf(plot) || !axisOf()) return;
  const line = mark(plot, "line");
  let moment = null;
  function show(time) {
    const axis = axisOf(), size = plot._fullLayout._size, across = axis.l2p(time);
    moment = time;
    line.hidden = across < 0 || across > axis._length;
    const panels = Object.values(plot._fullLayout._plots).filter((panel) => panel.xaxis === axis);
    const top = Math.min(...panels.map((panel) => panel.yaxis._offset)), bottom = Math.max(...panels.map((panel) => panel.yaxis._offset + panel.yaxis._length));
    Object.assign(line.style, { left: axis._offset + across + "px", top: top + "px", height: bottom - top + "px" });
  }
  plot.on("plotly_afterplot", () => { if (moment !== null) show(moment); });
  overTime.push({ owner: plot, show });
  const film = films.find((one) => one.owner.closest("article") === plot.closest("article"));
  if (film) show(film.moment);
});

// The button of a film: it plays to its end, from where it stands or, at its end, from where it begins.
function addPlay(plot, input, show) {
  const clock = clockOf(plot);
  if (!clock) return;
  films.push({ owner: plot, moment: clock[Number(input.value)] });
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Play" });
  let playing = false;
  const stop = () => { playing = false; button.textContent = "Play"; };
  async function play() {
    playing = true;
    button.textContent = "Pause";
    const last = Number(input.max);
    for (let next = Number(input.value) === last ? 0 : Number(input.value) + 1; playing && next <= last; next++) {
      await Promise.all([show(next), new Promise((done) => setTimeout(done, whole / clock.length))]);
    }
    stop();
  }
  button.addEventListener("click", () => (playing ? stop() : play()));
  input.addEventListener("pointerdown", stop);
  input.addEventListener("keydown", stop);
  input.before(button);
  momentShown(plot, Number(input.value));
}
