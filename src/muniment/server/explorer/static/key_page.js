// The page /keys: what this browser holds, how each key stands, and a new one with the line that asks for its admission.

import { findObstacle, forgetKey, listKeys, makeKey } from "./browser_keys.js";
import { ask, remove, send } from "./asking.js";
import { fingerprintOf, isActor } from "./key_request.js";
import { offerCopies } from "./page.js";
import { badge, complain, make, whole } from "./pieces.js";
import { describe, weigh } from "./standing.js";

const place = document.getElementById("keyring");
const list = document.getElementById("held-list");
const said = document.getElementById("held-state");
const actor = document.getElementById("actor");
const { base, origin, ledger } = place.dataset;

const ASKS = Object.freeze(["unknown", "waiting"]);
const NEXT = Object.freeze({
  waiting: "Read the fingerprint aloud to somebody who may admit keys. When it is admitted, this page says so.",
  unknown: "Nobody has been asked to admit it. Send the request, or hand over the line.",
});

async function showKeys() {
  const held = await listKeys(origin, ledger);
  const weighed = await weigh(held, base);
  const usable = weighed.filter(({ standing }) => standing === "in force").length;
  if (held.length === 0) said.textContent = "None yet.";
  else if (held.length === 1) said.textContent = usable ? "One, which can sign now." : "One, which cannot sign now.";
  else said.textContent = `${held.length}, of which ${usable || "none"} can sign now.`;
  list.replaceChildren(...weighed.map(showKey));
  offerCopies(list);
}

function showKey({ held, row, standing }) {
  const [word, tone] = describe(standing);
  const lead = make("p", {}, make("b", {}, held.actor), " ", badge(word, tone));
  if (row !== undefined) lead.append(make("span", { class: "note" }, " since ", make("a", { href: `${base}/entries/${row.since}` }, `entry ${row.since}`)));
  const item = make("li", { class: "held-key" }, lead,
    make("p", { class: "print" }, make("span", { class: "label" }, "Fingerprint "), make("code", { class: "fingerprint" }, fingerprintOf(held.key))));
  if (NEXT[standing]) item.append(make("p", { class: "note" }, NEXT[standing]));
  if (standing === "unknown") item.append(offerSending(held));
  if (ASKS.includes(standing)) {
    const line = make("pre", { class: "command" }, make("code", { class: "line", "data-copy": held.line }, held.line));
    item.append(make("details", { open: standing === "unknown" }, make("summary", {}, "The line that asks for its admission"), line, make("p", { class: "note" }, "It holds no secret.")));
  }
  item.append(make("details", {}, make("summary", {}, "The public key"), make("p", {}, whole(held.key)), make("p", { class: "note" }, `Made in this browser on ${held.madeAt.slice(0, 10)}.`)), offerForgetting(held, standing));
  return item;
}

function offerSending(held) {
  const button = make("button", { type: "button" }, "Ask for its admission");
  const words = make("span", { class: "error", role: "alert" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    words.textContent = "";
    try {
      await request(held);
      await showKeys();
      document.getElementById("held").focus();
    } catch (error) {
      words.textContent = error.message;
      button.disabled = false;
    }
  });
  return make("div", {}, button, words);
}

function offerForgetting(held, standing) {
  const button = make("button", { type: "button" }, `Forget the key ${held.key.slice(0, 8)}…`);
  const warning = standing === "in force"
    ? "Nothing can be signed with it any more, and nobody can bring it back. In the ledger it stays in force until somebody ends it there."
    : "Nobody can bring it back.";
  button.addEventListener("click", async () => {
    button.disabled = true;
    // A request of a key that is gone would only mislead whoever admits it.
    const waiting = (await ask(`${base}/v1/requests`)).items.find((each) => each.key === held.key);
    if (waiting) await remove(`${base}/v1/requests/${waiting.id}`);
    await forgetKey(held.key);
    await showKeys();
    document.getElementById("held").focus();
  });
  return make("details", {}, make("summary", {}, "Forget this key"), make("p", {}, warning), button);
}

function request(held) {
  return send(`${base}/v1/requests`, JSON.stringify({ request: held.line }));
}

/** A key, and the request for its admission; a request that the server does not take can be sent again. */
async function makeOne() {
  const name = actor.value.trim();
  if (!isActor(name)) {
    throw new Error(name ? "Use letters, digits, dots, hyphens and underscores, beginning with a letter or digit." : "Say by which name you are known in the ledger.");
  }
  const held = await makeKey({ origin, ledger, actor: name });
  let trouble = "";
  try {
    await request(held);
  } catch (error) {
    trouble = ` It could not be asked for: ${error.message}`;
  }
  actor.value = "";
  await showKeys();
  said.textContent = `The key of ${name} is made and kept in this browser.${trouble || " Its admission is asked for: read the fingerprint aloud to somebody who may admit it."}`;
  document.getElementById("held").focus();
}

async function begin() {
  const obstacle = await findObstacle();
  if (obstacle) {
    const told = document.getElementById("obstacle");
    told.textContent = `${obstacle} You can make a key in a terminal instead.`;
    told.hidden = false;
    said.textContent = "This page cannot look.";
    return;
  }
  await showKeys();
  document.getElementById("terminal").open = false;
  document.getElementById("making").hidden = false;
  document.getElementById("make-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    complain(actor, "");
    const button = event.target.querySelector("button");
    button.disabled = true;
    try {
      await makeOne();
    } catch (error) {
      complain(actor, error.message);
      actor.focus();
    }
    button.disabled = false;
  });
}

begin().catch((error) => { said.textContent = error.message; });
