"use strict";

// Refreshes the part of a page that changes, while somebody looks at it, and says when it has heard nothing.

const RETRY_MOST_SECONDS = 10;
const LOOK_SECONDS = 1;

for (const part of document.querySelectorAll("[data-live]")) {
  new Live(part, document.querySelector("[data-refresh]")).start();
}

function Live(part, status) {
  const seconds = Number(part.dataset.live);
  let heard = Date.now();
  let wait = seconds;
  let trouble = "";

  this.start = () => {
    setTimeout(turn, seconds * 1000);
    setInterval(say, LOOK_SECONDS * 1000);
    document.addEventListener("visibilitychange", () => document.hidden || refresh());
    say();
  };

  async function turn() {
    if (!document.hidden && !inside()) {
      wait = await refresh() ? seconds : Math.min(wait * 2, RETRY_MOST_SECONDS);
    }
    setTimeout(turn, wait * 1000);
  }

  async function refresh() {
    const asked = Date.now();
    try {
      part.innerHTML = await answer();
      [heard, trouble] = [asked, ""];
    } catch (error) {
      trouble = error.name === "TimeoutError" ? "no answer in time" : error.message;
    }
    say();
    return !trouble;
  }

  async function answer() {
    const signal = AbortSignal.timeout(2 * seconds * 1000);
    const found = await fetch(location.href, {headers: {"X-Live-Part": "1"}, redirect: "error", signal});
    if (!found.ok) {
      throw new Error(`the service answered with ${found.status}`);
    }
    return found.text();
  }

  // A sentence that stays the same while nothing changes: it is read aloud whenever it does.
  function say() {
    const stale = Boolean(trouble) || Date.now() - heard > 2 * seconds * 1000;
    const reason = trouble || (inside() ? "it waits while you are in it" : "no answer yet");
    const since = new Date(heard).toISOString().slice(11, 19);
    const sentence = stale
      ? `Nothing heard since ${since} UTC: ${reason}. What is below was so then. You may have been signed out; reload.`
      : `Refreshed every ${seconds} s while this page is in sight.`;
    status.classList.toggle("ops-trouble", stale);
    part.classList.toggle("ops-stale", stale);
    if (status.textContent !== sentence) {
      status.textContent = sentence;
    }
  }

  function inside() {
    return part.contains(document.activeElement);
  }
}
