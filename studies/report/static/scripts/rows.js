// The rows of a long table, unpacked when they are first looked at.
for (const long of document.querySelectorAll("details.long")) {
  const rows = long.querySelector("script.rows");
  if (rows) long.addEventListener("toggle", async () => rows.replaceWith(document.createRange().createContextualFragment(await unpacked(rows.textContent))), { once: true });
}
