"use strict";
// The page of a bundle: verifies what this very file carries, with the script above, and asks no network for anything.
// Everything that is shown goes in as text, never as markup.

(() => {
  const byId = (id) => document.getElementById(id);
  const raw = Uint8Array.from(atob(byId("bundle").textContent.trim()), (character) => character.charCodeAt(0));
  const bundle = JSON.parse(new TextDecoder().decode(raw));

  function add(parent, tag, text, className) {
    const made = document.createElement(tag);
    made.textContent = text;
    if (className) made.className = className;
    parent.append(made);
    return made;
  }

  function show(tone, words) {
    byId("verdict").className = tone;
    byId("state").textContent = words;
  }

  function showSteps(steps) {
    byId("steps").replaceChildren();
    for (const { number, title, ok, word, detail } of steps) {
      const item = add(byId("steps"), "li", "");
      item.value = number;
      add(item, "b", word, { holds: "good", fails: "bad" }[word] ?? "note");
      item.append(` ${title}${detail ? (ok ? ` (${detail})` : `: ${detail}`) : ""}`);
    }
  }

  function showParts(parts) {
    for (const { title, sentences } of parts) {
      const whole = add(byId("told"), "details", "");
      add(whole, "summary", title);
      for (const sentence of sentences) add(whole, "p", sentence);
    }
  }

  async function verify(trust, whose) {
    byId("told").replaceChildren();
    byId("steps").replaceChildren();
    show("", "Verifying…");
    let result;
    try {
      result = await muniment.examineFile(raw, { trust });
    } catch (error) {
      show("bad", `Nothing was verified: ${error.message}`);
      return;
    }
    showSteps(result.steps);
    if (!result.ok) {
      const { step, code, message, hint } = result.error;
      show("bad", step ? `Not verified: step ${step} fails, ${message}.` : message);
      if (step) add(byId("told"), "p", `Code: ${code}`, "note");
      if (hint) add(byId("told"), "p", hint);
      return;
    }
    show("good", `Verified by your browser, with ${whose}.`);
    for (const sentence of result.sentences) add(byId("told"), "p", sentence);
    showParts(result.parts);
  }

  byId("save").href = URL.createObjectURL(new Blob([raw], { type: "application/json" }));
  byId("trust").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (file) await verify(await file.text(), "the trust file that you chose");
  });
  const own = bundle.trust;
  if (own === undefined) {
    byId("own").remove();
  } else {
    muniment
      .parseTrust(own)
      .then(muniment.fingerprintOf)
      .then((fingerprint) => {
        byId("fingerprint").textContent = fingerprint;
      })
      .catch((error) => {
        byId("fingerprint").textContent = error.message;
      });
    byId("believe").addEventListener("click", () => verify(own, "the trust file that came with it: compare its fingerprint"));
  }
})();
