// A link to packed CSV gives plain CSV. Without scripts it gives the packed file.
for (const link of document.querySelectorAll("a.csv")) {
  link.addEventListener("click", async (event) => {
    if (!link.download.endsWith(".gz")) return; // unpacked before
    event.preventDefault();
    const text = await unpacked(link.href.slice(link.href.indexOf(",") + 1));
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    link.download = link.download.slice(0, -".gz".length);
    link.click();
  });
}
