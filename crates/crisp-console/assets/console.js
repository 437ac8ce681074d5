// Times in the viewer's own zone and language. Without scripts they stay as the server wrote them, in UTC.
(() => {
  "use strict";
  document.documentElement.classList.add("scripts");
  const now = () => Date.now();
  const thisYear = new Date().getFullYear();
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const far = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
  const near = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

  const spoken = (time, inThread) => {
    const seconds = (time - now()) / 1000;
    if (inThread) return clock.format(time);
    if (Math.abs(seconds) < 45) return words.format(0, "second");
    if (Math.abs(seconds) < 3600) return words.format(Math.round(seconds / 60), "minute");
    if (Math.abs(seconds) < 6 * 3600) return words.format(Math.round(seconds / 3600), "hour");
    return time.getFullYear() === thisYear ? near.format(time) : far.format(time);
  };

  const localise = (root) => {
    for (const element of root.querySelectorAll("time[datetime]")) {
      const time = new Date(element.dateTime);
      if (Number.isNaN(time.getTime())) continue;
      const inThread = element.closest(".message .by > span") !== null && !element.closest(".removed");
      const text = spoken(time, inThread);
      if (element.textContent !== text) element.textContent = text;
      if (element.title === "") element.title = full.format(time);
    }
  };

  const all = () => localise(document);
  all();
  for (const element of document.querySelectorAll("[data-zone]")) {
    element.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone.replace("_", " ");
  }
  new MutationObserver(all).observe(document.body, { childList: true, subtree: true, characterData: true });
  setInterval(all, 30_000);

  // Choosing a preset needs no figure, and typing a figure chooses "Other".
  for (const input of document.querySelectorAll(".custom input")) {
    input.addEventListener("input", () => {
      const custom = input.closest("fieldset").querySelector("input[type=radio][value=custom]");
      if (custom) custom.checked = true;
    });
  }
})();
