// Draws every chart of the page, in the theme that the reader prefers, and again when that changes.
(() => {
  "use strict";
  const report = JSON.parse(document.getElementById("report-data").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let drawn = [];
  let latest = 0;

  async function draw() {
    const turn = ++latest;
    const theme = dark.matches ? "dark" : "light";
    const options = {
      config: report.themes[theme],
      renderer: "svg",
      actions: false,
      ast: true, // expressions are interpreted, so the page needs no eval
      tooltip: { theme },
    };
    drawn.forEach((chart) => chart.finalize());
    drawn = [];
    for (const [key, spec] of Object.entries(report.charts)) {
      const chart = await window.vegaEmbed(document.getElementById(`chart-${key}`), spec, options);
      if (turn !== latest) return; // the theme changed meanwhile
      drawn.push(chart);
    }
    document.documentElement.dataset.charts = theme;
  }

  dark.addEventListener("change", draw);
  draw();
})();
