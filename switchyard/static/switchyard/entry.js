// Says in words when the chosen crontab is due, on the form of an entry of the schedule.
"use strict";

(() => {
  const known = document.getElementById("readable-crontabs");
  const chosen = document.getElementById("id_crontab");
  const help = document.querySelector(".field-crontab .help");
  if (!known || !chosen || !help) {
    return;
  }
  const readable = JSON.parse(known.textContent) || {};
  const words = document.createElement("div");
  help.append(words);
  document.querySelector(".field-crontab_translation")?.classList.add("hidden");
  chosen.addEventListener("change", () => {
    const translated = readable[chosen.value];
    words.textContent = translated ? `Translation: ${translated}` : "";
  });
})();
