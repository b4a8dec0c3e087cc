// The sheet on which a person sees what he is about to sign, signs it, and hears what the ledger answered.
//
// What is signed are the bytes of the text on the sheet and nothing else: they are read from it in the moment of signing, and must
// still be those that were told in words.

import { formatBase64, fromHex, parseTrust, readUtf8, RECEIPT_HEAD, toHex, sha256, toUtf8 } from "./verify.js";
import { send } from "./asking.js";
import { meet, verifyInto } from "./box.js";
import { signWith } from "./browser_keys.js";
import { signEnvelope } from "./drafting.js";
import { fingerprintOf } from "./key_request.js";
import { offerCopies } from "./page.js";
import { fact, make, whole } from "./pieces.js";
import { tell } from "./telling.js";

/** The receipt of an admitted event: a C2SP tlog-proof under the checkpoint of the same answer. */
export function formatReceipt({ index, proof }, checkpoint) {
  const hashes = proof.map((hash) => formatBase64(fromHex(hash)));
  return `${[RECEIPT_HEAD, `index ${index}`, ...hashes].join("\n")}\n\n${checkpoint}`;
}

/** One sheet and the place for its outcome. `onDone(verdict)` hears of what was recorded, `onBack()` of a change of mind. */
export class Sheet {
  constructor(root, outcome, { onDone = () => {}, onBack = () => {} } = {}) {
    this.root = root;
    this.outcome = outcome;
    this.onDone = onDone;
    this.onBack = onBack;
    this.find = (selector) => root.querySelector(selector);
    this.find(".sign").addEventListener("click", () => this.#sign());
    this.find(".back").addEventListener("click", () => { this.hide(); this.onBack(); });
  }

  /** Put a draft on the sheet for a key of this browser. Throws an Error with a sentence where it must not be signed. */
  async show({ payload, openings }, held, names) {
    const { said, rows } = await tell(payload, openings, names);
    const memory = await this.#checkLedger(said, held);
    this.held = held;
    this.payload = payload;
    this.openings = openings;
    this.body = null;
    this.find(".words").replaceChildren(...rows.map(([name, ...value]) => fact(name, ...value)), fact("Signed with your key", make("code", { class: "fingerprint" }, fingerprintOf(held.key)), " ", make("span", { class: "note" }, "fingerprint")));
    this.find(".statement").textContent = readUtf8(payload);
    this.find(".sum").replaceChildren(whole(toHex(await sha256(payload))));
    this.find(".first").textContent = memory.first
      ? `This browser meets this ledger for the first time and takes this server's word for which one it is. Compare ${memory.fingerprint} with the ledger's owner.`
      : "";
    this.#say("");
    this.find(".sign").textContent = `Sign as ${held.actor} and send`;
    this.find(".sign").disabled = false;
    this.find(".back").hidden = false;
    this.outcome.hidden = true;
    this.root.hidden = false;
    offerCopies(this.root);
    this.find("h2").focus();
  }

  /** Take the sheet away, with what stood on it. */
  hide() {
    this.root.hidden = true;
    this.find(".statement").textContent = "";
    this.body = null;
  }

  get isOpen() {
    return !this.root.hidden;
  }

  /** It must be signed for the ledger that this browser knows under this origin, and by the one who holds the key. */
  async #checkLedger(said, held) {
    const memory = await meet(this.outcome);
    const { ledger, origin } = await parseTrust(memory.trust);
    if (said.ledger !== ledger || origin !== held.origin) {
      throw new Error("This page is about another ledger than the one that this browser knows by this name. Sign nothing here, and tell whoever runs the ledger.");
    }
    if (said.actor !== held.actor) throw new Error(`The key is of ${held.actor}, and this would be said by ${said.actor}.`);
    return memory;
  }

  async #sign() {
    this.find(".sign").disabled = true;
    this.find(".back").hidden = true;
    this.root.setAttribute("aria-busy", "true");
    try {
      if (this.body === null) await this.#write();
      this.#say("Sending…");
      // Before the ledger answers: its answer may not be older than what this browser knows already.
      this.met = await meet(this.outcome);
      const { verdicts: [verdict], view } = await send(this.root.dataset.entries, this.body);
      await this.#conclude(verdict, view);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.root.removeAttribute("aria-busy");
    }
  }

  /** Sign what stands on the sheet. The body is kept, so that the same bytes can be sent again: the ledger takes them only once. */
  async #write() {
    const payload = toUtf8(this.find(".statement").textContent);
    // A browser that translates pages, or an extension, may have changed the text since it was told in words.
    if (!this.payload.every((byte, at) => byte === payload[at]) || payload.length !== this.payload.length) {
      throw new Error("Something in this browser has changed the text on the sheet. Turn off translation for this page, and begin again.");
    }
    this.entry = await signEnvelope(payload, this.held.key, (message) => signWith(this.held, message));
    this.body = `{"entries":[${readUtf8(this.entry)}],"disclosures":${JSON.stringify(this.openings)}}`;
  }

  async #conclude(verdict, view) {
    this.root.hidden = true;
    this.outcome.hidden = false;
    this.outcome.classList.remove("good", "bad");
    this.outcome.querySelector(".steps").replaceChildren();
    this.outcome.querySelector(".told")?.replaceChildren();
    if (verdict.decision === "refused") this.#refuse(verdict.reasons);
    else await this.#confirm(verdict, view);
    this.outcome.querySelector("h2").focus();
  }

  #refuse(reasons) {
    const listed = reasons.map(({ rule, required, found, missing = [], mend = "" }) =>
      make("li", {}, make("p", {}, `${required} ${found}`), ...missing.map((each) => make("p", {}, `Missing: ${each}.`)), ...(mend ? [make("p", { class: "note" }, mend)] : []), make("p", { class: "note" }, `Rule: ${rule}`)));
    this.#announce("Refused", "bad", "The ledger refused this, and it counts for nothing.", make("ul", { class: "reasons" }, ...listed));
  }

  /** Nothing is called recorded before this browser has verified the receipt against what it remembers of the ledger. */
  async #confirm(verdict, view) {
    const receipt = formatReceipt(verdict, view.checkpoint);
    this.#announce("The server says that it is recorded", "", "Verifying its receipt…");
    let result = { ok: false };
    let trouble = "";
    try {
      result = await verifyInto(this.outcome, toUtf8(receipt), this.entry, this.met);
    } catch (error) {
      trouble = ` ${error.message}`;
    }
    const index = String(verdict.index);
    const entry = make("a", { href: `${this.root.dataset.base}/entries/${index}` }, `entry ${index}`);
    const file = make("a", { href: URL.createObjectURL(new Blob([receipt], { type: "text/plain" })), download: `entry-${index}.receipt` }, "Save the receipt");
    if (!result.ok) {
      this.#announce("Do not rely on it", "bad", `The server says that it recorded this, and its receipt could not be verified.${trouble}`, make("p", {}, file));
      return;
    }
    const said = make("p", {}, "It is ", entry, " of the ledger. ", file, ": with it you can show at any time what you signed, and that it was recorded. ", make("a", { href: location.href }, "How it stands now"));
    this.#announce("Recorded", "good", "Your browser has verified the receipt.", said);
    this.onDone(verdict);
  }

  #announce(heading, tone, words, ...more) {
    this.outcome.querySelector("h2").textContent = heading;
    if (tone) this.outcome.classList.add(tone);
    this.outcome.querySelector(".state").textContent = words;
    this.outcome.querySelector(".outcome").replaceChildren(...more);
    offerCopies(this.outcome);
  }

  #fail(error) {
    const unknown = error.status === 0 || error.status >= 500;
    const lead = unknown ? "Whether it was recorded is not known. Sending the same signed bytes again is safe: the ledger takes them only once. " : "Nothing was recorded. ";
    this.#say(`${lead}${error.message}`);
    this.find(".sign").disabled = false;
    if (unknown) this.find(".sign").textContent = "Send it again";
    else this.find(".back").hidden = false;
    if (!unknown) this.body = null;
    this.find(".sign").focus();
  }

  #say(words) {
    this.find(".state").textContent = words;
  }
}
