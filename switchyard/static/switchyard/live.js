"use strict";

// Refreshes the part of a page that changes, while somebody looks at it; goes on with what was confirmed.

const RETRY_MOST_SECONDS = 60;

for (const part of document.querySelectorAll("[data-live]")) {
  keepFresh(part, document.querySelector("[data-refresh]"), Number(part.dataset.live));
}
for (const form of document.querySelectorAll("form[data-continue]")) {
  form.requestSubmit();
}

function keepFresh(part, status, seconds) {
  let wait = seconds;
  say(status, seconds);

  async function refresh() {
    if (!document.hidden && !part.contains(document.activeElement)) {
      wait = await replace(part, status, seconds) ? seconds : Math.min(wait * 2, RETRY_MOST_SECONDS);
    }
    setTimeout(refresh, wait * 1000);
  }
  setTimeout(refresh, wait * 1000);
  document.addEventListener("visibilitychange", () => document.hidden || replace(part, status, seconds));
}

async function replace(part, status, seconds) {
  try {
    const answer = await fetch(location.href, {headers: {"X-Live-Part": "1"}, redirect: "error"});
    if (!answer.ok) {
      throw new Error(`the service answered with ${answer.status}`);
    }
    part.innerHTML = await answer.text();
    say(status, seconds);
    return true;
  } catch (error) {
    say(status, seconds, error.message);
    return false;
  }
}

function say(status, seconds, trouble = "") {
  const sentence = trouble
    ? `Not refreshed since the time below: ${trouble}. You may have been signed out; reload.`
    : `Refreshed every ${seconds} s while this page is in sight.`;
  status.classList.toggle("ops-trouble", Boolean(trouble));
  if (status.textContent !== sentence) {
    status.textContent = sentence;
  }
}
