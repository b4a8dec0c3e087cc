// What every page gains from a script: local times beside UTC, buttons that copy, and keys. Without it nothing is missing.

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const span = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function since(moment) {
  const seconds = (moment - Date.now()) / 1000;
  const [unit, length] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return span.format(Math.round(seconds / length), unit);
}

/** Say each time within `root` also in the visitor's own zone, and how long ago it was. */
export function tellTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-told])")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.dataset.told = "";
    time.title = [time.title, `${clock.format(moment)} in ${zone} (your clock's zone)`].filter(Boolean).join("; ");
    // In a table many of them would only be noise; there the pointer shows it.
    if (time.closest("td")) continue;
    const told = document.createElement("span");
    told.className = "local";
    told.textContent = ` (${since(moment)})`;
    time.after(told);
  }
}

/** Give everything within `root` that is worth copying a button for it. */
export function offerCopies(root) {
  for (const piece of root.querySelectorAll("[data-copy]:not([data-offered])")) {
    piece.dataset.offered = "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    const text = piece.dataset.copy;
    button.setAttribute("aria-label", `Copy ${text.length > 24 ? `${text.slice(0, 8)}…` : text}`);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        said.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(piece);
        said.textContent = "selected: copy it with your keyboard";
      }
      setTimeout(() => { said.textContent = ""; }, 2000);
    });
    const said = document.createElement("span");
    said.className = "copied";
    said.setAttribute("role", "status");
    piece.after(button, said);
  }
}

function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "/") {
      const field = document.getElementById("find");
      if (!field) return;
      event.preventDefault();
      field.focus();
      field.select();
    } else if (event.key === "j" || event.key === "k") {
      move(event.key === "j" ? 1 : -1);
    }
  });
}

// From row to row: the first link of each row of the page's tables takes the focus in turn.
function move(step) {
  const links = [...document.querySelectorAll("main tbody tr")].map((row) => row.querySelector("a")).filter(Boolean);
  if (!links.length) return;
  const now = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  const next = now < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(now + step, 0), links.length - 1);
  links[next].focus();
}

tellTimes(document);
offerCopies(document);
listenToKeys();
