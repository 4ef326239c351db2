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
    const copy = (heading || place).cloneNode(true);
    for (const part of copy.querySelectorAll("svg, script, .plot, .tools")) part.remove();
    return copy.textContent.replace(/\s+/g, " ").trim();
  }

  function gather() {
    return [...document.querySelectorAll(places)].map((place) => {
      const text = words(place);
      return { id: place.id, text, low: text.toLowerCase() };
    });
  }

  function show(found, wanted) {
    list.replaceChildren(...found.slice(0, most).map((place) => {
      const link = document.createElement("a");
      const at = Math.max(0, place.low.indexOf(wanted[0]) - 20);
      link.href = "#" + place.id;
      link.textContent = (at ? "…" : "") + place.text.slice(at, at + 110) + (place.text.length > at + 110 ? "…" : "");
      const item = document.createElement("li");
      item.append(link);
      return item;
    }));
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
