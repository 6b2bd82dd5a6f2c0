// The label pages without waiting for a button: the preview follows the choices, and the
// progress of a job comes by itself. Without this file both pages do the same by a button.
"use strict";

(() => {
  const PAUSE_MS = 400; // while somebody types
  let timer = 0;
  let latest = 0;

  async function draw(address) {
    const mine = ++latest;
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    const live = document.getElementById("live");
    // A slower answer to an older question is dropped.
    if (mine !== latest || !fresh || !live) return;
    const summary = page.querySelector(".summary");
    live.replaceWith(fresh);
    if (summary && !fresh.children.length) fresh.append(summary);
  }

  const form = document.querySelector("form[data-live]");
  if (form) {
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (!form.checkValidity()) return;
        draw(`?${new URLSearchParams(new FormData(form))}`).catch(() => {});
      }, PAUSE_MS);
    });
  }

  async function follow() {
    const live = document.getElementById("live");
    if (!live || !live.dataset.poll) return;
    await draw(location.href).catch(() => {});
    setTimeout(follow, Number(live.dataset.poll));
  }
  follow();
})();
