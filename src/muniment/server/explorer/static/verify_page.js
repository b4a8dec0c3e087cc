// The page /verify: a file that is chosen or dropped is verified here and goes nowhere; and what this browser remembers is shown.

import { forget, recall, run } from "./box.js";

const box = document.getElementById("verify");
const place = document.getElementById("drop");
const field = document.getElementById("drop-file");
const pin = document.getElementById("pin");

function showMemory() {
  const memory = recall(pin.dataset.origin);
  if (!memory) {
    pin.firstElementChild.textContent = "This browser remembers nothing of this ledger yet.";
    return;
  }
  const said = document.createElement("p");
  said.textContent = `Remembered since ${memory.since.slice(0, 10)}, with the fingerprint ${memory.fingerprint}.`;
  const text = document.createElement("pre");
  text.className = "wrap";
  text.textContent = memory.pin ? `${memory.trust}\n${memory.pin}` : memory.trust;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Forget this";
  button.addEventListener("click", () => {
    forget(pin.dataset.origin);
    const gone = document.createElement("p");
    gone.textContent = "Forgotten. The next verification is a first contact again.";
    pin.replaceChildren(gone);
  });
  pin.replaceChildren(said, text, button);
}

async function take(file) {
  await run(box, async () => new Uint8Array(await file.arrayBuffer()));
  showMemory();
}

showMemory();
field.addEventListener("change", () => { if (field.files.length) take(field.files[0]); });
document.addEventListener("dragover", (event) => { event.preventDefault(); place.classList.add("over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) place.classList.remove("over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  place.classList.remove("over");
  if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
});
