// Asks for what is new and puts it in place of what was shown; an unchanged page is left as it is.
(() => {
  "use strict";
  const main = document.querySelector("main");
  const lost = document.getElementById("lost");
  let seen = null;

  async function ask() {
    try {
      const answer = await fetch("frame", { cache: "no-store", headers: seen ? { "If-None-Match": seen } : {} });
      if (answer.status === 200 && getSelection().isCollapsed) { // else the reader's selection would be lost
        main.innerHTML = await answer.text();
        seen = answer.headers.get("ETag");
      }
      lost.hidden = answer.ok || answer.status === 304;
    } catch {
      lost.hidden = false;
    }
    setTimeout(ask, document.hidden ? 10_000 : 2_000);
  }

  setTimeout(ask, 2_000);
})();
