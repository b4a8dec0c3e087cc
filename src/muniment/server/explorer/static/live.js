// New blocks as they are sealed, in the list that the page came with. Without a script, or a stream, the list stays as it is.

import { tellTimes } from "./page.js";

const list = document.getElementById("live");
const said = document.getElementById("live-state");
const base = list.dataset.base;
const MAX_EVENTS = 4;
const PAGES = { actor: "actors", acts: "actors", data: "data", dataset: "datasets", deployment: "environments", incident: "incidents", model: "models", run: "runs", version: "versions" };

function make(tag, ...parts) {
  const made = document.createElement(tag);
  made.append(...parts);
  return made;
}

function link(path, words) {
  const made = make("a", words);
  made.href = base + path;
  return made;
}

function soft(...parts) {
  const made = make("span", ...parts);
  made.className = "note";
  return made;
}

function moment(time) {
  const made = make("time", `${time.slice(0, 10)} ${time.slice(11, 19)} UTC`);
  made.dateTime = time;
  return made;
}

// The same as links.link: what no page shows is found by the search.
function pathOf(stream) {
  const [kind] = stream.split("/", 1);
  const rest = stream.slice(kind.length + 1);
  if (PAGES[kind]) return `/${PAGES[kind]}/${rest.split("/").map(encodeURIComponent).join("/")}`;
  return kind === "policy" ? "/policy" : `/search?q=${encodeURIComponent(rest || stream)}`;
}

// The same as wording.deed.
function deed(name) {
  const words = name.replaceAll("dataset", "data set").replaceAll(".", " ").replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

// The same as wording.called.
function called(thing) {
  const [, kind, id] = thing.match(/^([a-z]+)\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/) ?? [];
  return id ? `${kind} ${id.slice(0, 8)}…${id.slice(-4)}` : thing;
}

function draw(block) {
  const count = block.events.length;
  const item = make("li", make("p", link(`/blocks/${block.height}`, `block ${block.height}`), " ", soft(`${count} ${count === 1 ? "event" : "events"}, `, moment(block.time))));
  const rows = block.events.slice(-MAX_EVENTS).reverse().map((row) =>
    make("li", link(`/entries/${row.index}`, deed(row.name)), ": ", link(pathOf(row.stream), called(row.thing)), " ", soft("by ", link(`/actors/${encodeURIComponent(row.actor)}`, row.actor))));
  if (count > MAX_EVENTS) {
    const rest = make("li", `and ${count - MAX_EVENTS} more`);
    rest.className = "note";
    rows.push(rest);
  }
  const events = make("ul", ...rows);
  events.className = "plain";
  item.append(events);
  return item;
}

function take(event) {
  const block = JSON.parse(event.data);
  const known = [...list.children].some((item) => item.querySelector("a").textContent === `block ${block.height}`);
  if (known) return;
  list.prepend(draw(block));
  while (list.children.length > Math.max(Number(list.dataset.limit), 8)) list.lastElementChild.remove();
  document.getElementById("live-size").textContent = block.size.toLocaleString("en");
  document.getElementById("live-count").textContent = (block.height + 1).toLocaleString("en");
  document.getElementById("live-time").replaceChildren(moment(block.time));
  said.textContent = `Block ${block.height} has just been sealed.`;
  tellTimes(document);
}

if (window.EventSource) {
  const stream = new EventSource(list.dataset.stream);
  stream.addEventListener("open", () => { said.textContent = "New ones appear here by themselves."; });
  stream.addEventListener("block", take);
  stream.addEventListener("reset", () => { said.textContent = "Much has happened since: reload this page."; });
  stream.addEventListener("error", () => { said.textContent = stream.readyState === EventSource.CLOSED ? "" : "The connection is interrupted; it is tried again."; });
  addEventListener("pagehide", () => stream.close());
}
