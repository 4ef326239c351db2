"use strict";
// Search: every place of the page that has a name, by its words. Without this script the index remains.
(function () {
  const most = 40;
  const box = document.querySelector(".search");
  const input = document.getElementById("search");
  const list = document.getElementById("found");
  const count = document.getElementById("found-count");
  const places = "main :is(section, article, figure, tr, .table, li, h3)[id]";
  let known = null;

  // A place's own words: what stands in places within it is theirs.
  function words(place) {
    const heading = place.matches("section, article") && place.querySelector("h1, h2, h3, h4");
    const walk = document.createTreeWalker(heading || place, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walk.nextNode()) {
      if (!walk.currentNode.parentElement.closest("svg, script, .plot, .tools")) texts.push(walk.currentNode.data);
    }
    return texts.join(" ").replace(/\s+/g, " ").trim();
  }

  // Where a place stands: the study, else the chapter.
  function where(place) {
    const around = place.parentElement.closest("article, section.chapter");
    return around ? words(around) : "";
  }

  function gather() {
    return [...document.querySelectorAll(places)].map((place) => {
      const text = words(place);
      return { id: place.id, text, low: text.toLowerCase(), where: where(place) };
    });
  }

  function item(place) {
    const [entry, link, told] = ["li", "a", "span"].map((name) => document.createElement(name));
    link.href = "#" + place.id;
    link.textContent = place.text.slice(0, 90) + (place.text.length > 90 ? "…" : "");
    told.textContent = place.where;
    entry.append(link, told);
    return entry;
  }

  function show(found, wanted) {
    list.replaceChildren(...found.slice(0, most).map(item));
    const more = found.length > most ? ", the first " + most : "";
    count.textContent = wanted.length ? (found.length || "no") + (found.length === 1 ? " place" : " places") + more : "";
  }

  function search() {
    known = known || gather();
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (place) => wanted.every((word) => place.low.includes(word));
    show(wanted.length ? known.filter(fits) : [], wanted);
  }

  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { input.value = ""; search(); }
  });
  box.hidden = false;
})();
