// The keys that this browser holds. The private half is made here by the browser's own cryptography, cannot be taken out of it again,
// and is used for nothing but signing; what is stored is a handle that only pages of this address can use.

import { toHex } from "./verify.js";
import { makeRequest } from "./key_request.js";

const DATABASE = "muniment";
const STORE = "keys";
const ALGORITHM = "Ed25519";

/** Why this browser cannot hold a key; nothing where it can. */
export async function findObstacle() {
  if (!globalThis.isSecureContext || !globalThis.crypto?.subtle) {
    return "This browser offers cryptography only to pages that come over https, or from this computer.";
  }
  try {
    await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
  } catch {
    return "This browser cannot make Ed25519 keys. A newer version of it can.";
  }
  try {
    (await open()).close();
  } catch {
    return "This browser keeps nothing for this page, as in a private window: a key would be gone at once.";
  }
  return "";
}

/** The keys for one ledger, the newest first: `{key, actor, kind, origin, ledger, line, madeAt, signer}`. */
export async function listKeys(origin, ledger) {
  const all = await act("readonly", (store) => store.getAll());
  return all.filter((each) => each.origin === origin && each.ledger === ledger).sort((one, other) => other.madeAt.localeCompare(one.madeAt));
}

/** Make a key for a person of a ledger, with the line that asks for its admission, and keep it. */
export async function makeKey({ origin, ledger, actor }) {
  // Not extractable: no script can read the private half, neither ours nor one that somebody slips in.
  const pair = await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
  const key = toHex(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const held = { key, actor, kind: "person", origin, ledger, madeAt: new Date().toISOString(), signer: pair.privateKey };
  held.line = await makeRequest(held, (message) => signWith(held, message));
  await act("readwrite", (store) => store.add(held));
  // Asks the browser not to clear this by itself when it runs out of space; it may say no.
  await navigator.storage?.persist?.().catch(() => false);
  return held;
}

/** Sign with a key that this browser holds. */
export async function signWith(held, message) {
  return new Uint8Array(await crypto.subtle.sign(ALGORITHM, held.signer, message));
}

/** Give a key up for good. */
export async function forgetKey(key) {
  await act("readwrite", (store) => store.delete(key));
}

function open() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(DATABASE, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "key" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

/** Do one thing with the store; settled once it is durable. */
async function act(mode, work) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const asked = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}
