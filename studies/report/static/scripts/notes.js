// A reviewer's notes: per requirement a verdict and a remark. They stay in this browser, under the run, and go out and
// come in as a file. Nothing is sent anywhere.
const NOTES = 1; // of the file's form
const SAYS = ["", "accepted", "question", "objection"];
const LONGEST = 4000; // letters of a remark

// What a file of notes says, to be read by people and programs.
function notesText(run, study, notes) {
  const rows = Object.entries(notes).map(([key, note]) => {
    const [requirement, quantity, number] = JSON.parse(key);
    return { requirement, quantity, number, verdict: note.verdict, remark: note.remark };
  });
  return JSON.stringify({ schema: NOTES, kind: "reviewer's notes", run, study, notes: rows }, null, 1) + "\n";
}

// The notes of such a file, by requirement; an error says what is wrong with it.
function notesFrom(text) {
  let content;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Error("it is no JSON");
  }
  if (!content || content.schema !== NOTES || !Array.isArray(content.notes)) {
    throw new Error('it holds no notes: {"schema": ' + NOTES + ', "notes": [...]} was expected');
  }
  const notes = {};
  for (const row of content.notes) {
    const right = row && typeof row.requirement === "string" && typeof row.quantity === "string" &&
      Number.isInteger(row.number) && SAYS.includes(row.verdict) && typeof row.remark === "string";
    const words = SAYS.slice(1).join(", ");
    if (!right) throw new Error("a note needs requirement, quantity, number, verdict (" + words + ") and remark");
    const key = JSON.stringify([row.requirement, row.quantity, row.number]);
    notes[key] = { verdict: row.verdict, remark: row.remark.slice(0, LONGEST) };
  }
  return { run: String(content.run || ""), notes };
}

function element(name, properties, ...inside) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inside);
  return made;
}

function addNotes(main, cells) {
  const { run, study } = main.dataset;
  const place = "hadron-optics notes " + run;
  const shown = new Map(); // by requirement: what shows its note
  let notes = kept();
  const told = element("output", { className: "small" });

  function kept() {
    try {
      return notesFrom(localStorage.getItem(place) || notesText(run, study, {})).notes;
    } catch {
      return {}; // no storage, or something else stands there
    }
  }

  function keep(key, note) {
    notes = { ...notes, [key]: note };
    if (!note.verdict && !note.remark) delete notes[key];
    try {
      localStorage.setItem(place, notesText(run, study, notes));
      tell("");
    } catch {
      tell("This browser keeps nothing: export the notes before you leave.");
    }
  }

  function tell(text) {
    const number = Object.keys(notes).filter((key) => shown.has(key)).length;
    told.textContent = number + " of " + shown.size + " rows have a note. " + text;
  }

  for (const cell of cells) {
    const key = JSON.stringify(JSON.parse(cell.dataset.note));
    shown.set(key, noteOf(cell, key, keep));
  }
  const showAll = () => shown.forEach((show, key) => show(notes[key] || { verdict: "", remark: "" }));

  const file = element("input", { type: "file", accept: ".json,application/json", className: "hidden", tabIndex: -1 });
  file.setAttribute("aria-label", "File of notes");
  file.addEventListener("change", async () => {
    try {
      const read = notesFrom(await file.files[0].text());
      const fit = Object.keys(read.notes).filter((key) => shown.has(key)).length;
      for (const [key, note] of Object.entries(read.notes)) if (shown.has(key)) keep(key, note);
      showAll();
      const other = read.run === run ? "" : " They were written on another run.";
      tell("Imported " + fit + " of " + Object.keys(read.notes).length + " notes of the file." + other);
    } catch (error) {
      tell("The file was not imported: " + error.message + ".");
    }
    file.value = "";
  });
  const button = (text, act) => {
    const made = element("button", { type: "button" }, text);
    made.addEventListener("click", act);
    return made;
  };
  const exported = button("Export", () => {
    const address = URL.createObjectURL(new Blob([notesText(run, study, notes)], { type: "application/json" }));
    element("a", { href: address, download: study + "-notes.json" }).click();
  });
  const row = element("div", { className: "notes", role: "group" });
  row.setAttribute("aria-label", "Reviewer's notes");
  row.append(element("strong", {}, "Reviewer's notes "), exported, button("Import", () => file.click()), file, told);
  row.append(element("span", { className: "small" }, " They stay in this browser and go nowhere but to a file of yours."));
  document.querySelector("#requirements h2").after(row);
  showAll();
  tell("");
}

// The controls of one requirement's note, and what is printed of it; returns what shows a note in both.
function noteOf(cell, key, keep) {
  const on = element("span", { className: "hidden" }, " on " + JSON.parse(key).slice(0, 2).join(" "));
  const word = element("span", {}, "Note");
  const says = element("select", {}, ...SAYS.map((text) => element("option", { value: text }, text || "no verdict")));
  const remark = element("textarea", { rows: 3, maxLength: LONGEST });
  const shown = element("p", { className: "noted" });
  const box = element("details", { className: "note" }, element("summary", {}, word, on));
  box.append(element("label", {}, "Verdict ", says), element("label", {}, "Remark ", remark));
  cell.append(box, shown);
  const show = (note) => {
    says.value = note.verdict;
    remark.value = note.remark;
    say(note);
  };
  const say = (note) => {
    word.textContent = note.verdict || note.remark ? "Note: " + (note.verdict || "remark") : "Note";
    const text = [note.verdict, note.remark].filter(Boolean).join(": ");
    shown.textContent = text ? "Reviewer: " + text : "";
  };
  const changed = () => {
    const note = { verdict: says.value, remark: remark.value.trim() };
    keep(key, note);
    say(note);
  };
  says.addEventListener("change", changed);
  remark.addEventListener("input", changed);
  return show;
}

{
  const main = document.getElementById("main");
  const cells = document.querySelectorAll("[data-note]");
  if (main && main.dataset.run && cells.length) addNotes(main, cells); // of one run
}
