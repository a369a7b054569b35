// What moves.  Every page works without it.

// Each cell of a table knows its column's name: on a phone, where rows become cards, it stands beside the value.
const label = (root) => {
  for (const table of root.querySelectorAll("table")) {
    const names = [...table.querySelectorAll("thead th")].map((each) => each.textContent.trim());
    for (const row of table.querySelectorAll("tbody tr, tfoot tr")) [...row.cells].forEach((cell, place) => { if (place && !cell.hasAttribute("colspan")) cell.dataset.label = names[place]; });
    table.classList.add("cardly");
  }
};
label(document);

// An element with data-live="SECONDS" follows its page: it is fetched again and replaced while somebody looks.
const live = document.querySelector("[data-live]");
if (live) {
  const follow = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } });
        if (answer.redirected) location.reload();
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
        if (fresh) label(fresh);
        const here = document.getElementById("live");
        if (fresh && here && fresh.innerHTML !== here.innerHTML && !here.contains(document.activeElement)) here.replaceWith(fresh);
      } catch { /* the gateway is away for a moment: the next turn asks again */ }
    }
    const next = document.getElementById("live")?.dataset.live;  // none: there is nothing more to wait for
    if (next) setTimeout(follow, Number(next) * 1000);
  };
  setTimeout(follow, Number(live.dataset.live) * 1000);
}

// A select inside .filters shows at once what it chose.
for (const field of document.querySelectorAll(".filters select")) field.addEventListener("change", () => field.form.requestSubmit());

// A button with data-copy="ID" copies that element's text.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    button.textContent = "Copied";
  });
}
