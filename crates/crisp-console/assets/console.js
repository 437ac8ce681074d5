// Words stay English; times are in the viewer's own zone and written as their region writes them. Without scripts they
// stay as the server wrote them, in UTC. Pages work without any of this.
(() => {
  "use strict";
  document.documentElement.classList.add("scripts");

  // Times
  const region = new Intl.Locale(navigator.language || "en-GB").maximize().region ?? "GB";
  const locale = `en-${region}`;
  const thisYear = new Date().getFullYear();
  const full = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "long" });
  const far = new Intl.DateTimeFormat(locale, { year: "numeric", month: "short", day: "numeric" });
  const near = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
  const date = new Intl.DateTimeFormat(locale, { year: "numeric", month: "long", day: "numeric" });
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

  const spoken = (time) => {
    const seconds = (time - Date.now()) / 1000;
    if (Math.abs(seconds) < 45) return seconds > 5 ? "in a moment" : "just now";
    if (Math.abs(seconds) < 3600) return words.format(Math.round(seconds / 60), "minute");
    if (Math.abs(seconds) < 6 * 3600) return words.format(Math.round(seconds / 3600), "hour");
    return time.getFullYear() === thisYear ? near.format(time) : far.format(time);
  };
  // In a thread the day stands above: a clock is enough, except for what happened on another day.
  const inThread = (element, time) => {
    const sent = element.closest(".message")?.querySelector(".sent time");
    if (!sent || element.closest(".body")) return spoken(time);
    const isSameDay = new Date(sent.dateTime).toDateString() === time.toDateString();
    return isSameDay ? clock.format(time) : near.format(time);
  };

  const localise = () => {
    for (const element of document.querySelectorAll("time[datetime]")) {
      const time = new Date(element.dateTime);
      if (Number.isNaN(time.getTime())) continue;
      const text = inThread(element, time);
      if (element.textContent !== text) element.textContent = text;
      if (element.title === "") element.title = full.format(time);
    }
  };

  // Days of a thread begin at the viewer's midnight, not at that of UTC.
  const splitDays = (thread) => {
    for (const separator of thread.querySelectorAll(".day")) separator.remove();
    let day = null;
    for (const message of thread.querySelectorAll(".message")) {
      const sent = new Date(message.querySelector(".sent time")?.dateTime);
      if (Number.isNaN(sent.getTime()) || sent.toDateString() === day) continue;
      day = sent.toDateString();
      const separator = document.createElement("li");
      separator.className = "day";
      separator.append(Object.assign(document.createElement("span"), { textContent: date.format(sent) }));
      message.classList.remove("continues");
      message.before(separator);
    }
  };

  localise();
  document.querySelectorAll(".thread").forEach(splitDays);
  for (const element of document.querySelectorAll("[data-zone]")) {
    element.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone.replaceAll("_", " ");
  }
  new MutationObserver(localise).observe(document.body, { childList: true, subtree: true, characterData: true });
  setInterval(localise, 30_000);

  // On a narrow screen the tab one is on comes into sight.
  const tab = document.querySelector(".tabs [aria-current]");
  const tabs = tab?.closest(".tabs");
  if (tabs) tabs.scrollLeft = tab.offsetLeft - (tabs.clientWidth - tab.offsetWidth) / 2;

  // Choosing a preset needs no figure, and typing a figure chooses "Other".
  for (const input of document.querySelectorAll(".custom input")) {
    input.addEventListener("input", () => {
      const custom = input.closest("fieldset").querySelector("input[type=radio][value=custom]");
      if (custom) custom.checked = true;
    });
  }

  // Mapping rows: their words follow the field, and there can be more or fewer of them.
  const rows = document.getElementById("rows");
  const describe = (row) => {
    const path = row.querySelector(".from input").value.trim();
    const known = [...document.querySelectorAll("#sources option")].find((option) => option.value === path);
    row.querySelector(".human").textContent = known?.dataset.name ?? path;
    row.querySelector(".example").textContent = known?.dataset.example ? `e.g. ${known.dataset.example}` : "";
    row.querySelector(".cost").hidden = !path.startsWith("data.");
  };
  // The server reads rows until a number is missing, so they are numbered without gaps.
  const renumber = () => {
    [...rows.children].forEach((row, number) => {
      for (const control of row.querySelectorAll("[name]")) control.name = control.name.replace(/_[^_]*$/, `_${number}`);
    });
  };
  const addRow = () => {
    const template = document.getElementById("row-template").innerHTML;
    const number = rows.children.length;
    rows.insertAdjacentHTML("beforeend", template.replaceAll("NUMBER", `${number}-${Date.now()}`).replaceAll("SPOKEN", number + 1));
    renumber();
    rows.lastElementChild.querySelector(".from input").focus();
  };
  if (rows) {
    rows.addEventListener("input", ({ target }) => {
      if (target.closest(".from")) describe(target.closest(".mapping-row"));
    });
    rows.addEventListener("click", ({ target }) => {
      const row = target.closest(".remove")?.closest(".mapping-row");
      if (!row) return;
      (row.nextElementSibling ?? row.previousElementSibling)?.querySelector(".from input").focus();
      row.remove();
      renumber();
      rows.dispatchEvent(new CustomEvent("removed"));
    });
    document.querySelector(".add").addEventListener("click", (event) => {
      event.preventDefault();
      addRow();
    });
  }

  // A page that waits for something looks again, as long as anybody looks at it.
  const look = (selector) => htmx.ajax("GET", location.href, { target: selector, select: selector, swap: "outerMorph" });
  setInterval(() => {
    if (!document.hidden && document.querySelector("#health[data-look-again]")) look("#health");
  }, 5_000);
  // When a sync has ended, the head of its page says so too.
  document.addEventListener("done", () => look("#head"));

  // A session that is over asks for a new one; a connection that stays away is said to be.
  const lost = document.getElementById("lost");
  let failed = 0;
  const fails = (status) => {
    if (status === 401) return location.reload();
    failed += 1;
    if (lost && failed > 2) lost.hidden = false;
  };
  const works = () => {
    failed = 0;
    if (lost) lost.hidden = true;
  };
  for (const name of ["htmx:error", "htmx:response:error", "htmx:sse:error"]) {
    document.addEventListener(name, ({ detail }) => fails(detail?.status ?? detail?.ctx?.response?.status));
  }
  for (const name of ["htmx:after:swap", "htmx:sse:after:connection"]) document.addEventListener(name, works);
})();
