// Draws the charts that are in sight of the reader, in the theme that they prefer: those of a folded section
// when it is opened, and all that are drawn again when the theme changes. An address that names a folded
// section opens it.
(() => {
  "use strict";
  const report = JSON.parse(document.getElementById("report-data").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map();
  let latest = 0;

  async function draw() {
    const turn = ++latest; // a later turn takes over what this one has not drawn
    const theme = dark.matches ? "dark" : "light";
    const options = {
      config: report.themes[theme],
      renderer: "svg",
      actions: false,
      ast: true, // expressions are interpreted, so the page needs no eval
      tooltip: { theme },
    };
    for (const [key, spec] of Object.entries(report.charts)) {
      const place = document.getElementById(`chart-${key}`);
      if (drawn.has(key) || place.closest("details:not([open])")) continue; // it would be drawn without width
      const chart = await window.vegaEmbed(place, spec, options);
      if (turn !== latest) return chart.finalize();
      drawn.set(key, chart);
    }
    document.documentElement.dataset.charts = theme;
  }

  function redraw() {
    drawn.forEach((chart) => chart.finalize());
    drawn.clear();
    draw();
  }

  function unfold() {
    const fold = document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest("details.fold");
    if (fold) fold.open = true;
  }

  dark.addEventListener("change", redraw);
  window.addEventListener("hashchange", unfold);
  for (const fold of document.querySelectorAll("details.fold")) fold.addEventListener("toggle", draw);
  unfold();
  draw();
})();
