// A file is hashed here, in the visitor's browser, and looked up by its digest: as it is, and as the only file of a model or data set.

const MAX_BYTES = 1 << 30;
const place = document.getElementById("drop");
const field = document.getElementById("drop-file");
const said = document.getElementById("drop-state");

function say(words) {
  said.textContent = words;
}

function hex(buffer) {
  return [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The root of a manifest with one line (docs/spec, section 2.2): the RFC 6962 leaf hash of that line. */
async function rootOf(name, sha256, size) {
  const line = new TextEncoder().encode(JSON.stringify({ path: name.normalize("NFC"), sha256, size }));
  const leaf = new Uint8Array(line.length + 1);
  leaf.set(line, 1);
  return hex(await crypto.subtle.digest("SHA-256", leaf));
}

async function look(file) {
  if (!globalThis.crypto?.subtle) {
    say("This browser hashes only on a page that came over HTTPS. Search for what sha256sum prints instead.");
    return;
  }
  if (file.size > MAX_BYTES) {
    say("This file is too large for a browser to hash. Use muniment verify FILE, or search for what sha256sum prints.");
    return;
  }
  say(`Hashing ${file.name}…`);
  try {
    const sha256 = hex(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    const root = await rootOf(file.name, sha256, file.size);
    say(`Looking for ${sha256}…`);
    location.assign(`${place.dataset.search}?q=${root}&also=${sha256}`);
  } catch (error) {
    say(`${file.name} cannot be read: ${error.message}`);
  }
}

say("");
field.addEventListener("change", () => { if (field.files.length) look(field.files[0]); });
document.addEventListener("dragover", (event) => { event.preventDefault(); place.classList.add("over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) place.classList.remove("over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  place.classList.remove("over");
  if (event.dataTransfer.files.length) look(event.dataTransfer.files[0]);
});
