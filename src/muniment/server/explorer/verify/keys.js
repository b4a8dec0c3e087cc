/**
 * Ed25519 by the browser's own WebCrypto, with libsodium's verdict, and C2SP verifier keys (docs/spec, sections 3.1 and 3.4).
 *
 * Implementations disagree on malformed keys and signatures, so the bytes are looked at first: A and R canonical, neither of
 * small order, S below the group order. There is no signature code here for browsers without Ed25519: they are told so.
 */
import { parseBase64, fromHex, toHex, toUtf8 } from "./bytes.js";
import { sha256 } from "./digest.js";
import { failed, invalid } from "./problem.js";

export const ED25519 = 0x01;
export const COSIGNATURE = 0x04;
const MATERIAL_BYTES = Object.freeze({ [ED25519]: 32, [COSIGNATURE]: 32, 0x06: 1312 });
const MAX_VKEY_CHARACTERS = 8192;
const FIELD_PRIME = 2n ** 255n - 19n;
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const SIGN_BIT = 2n ** 255n;
/** The y coordinates of the points whose order divides eight. */
const SMALL_ORDER = Object.freeze([
  0n,
  1n,
  FIELD_PRIME - 1n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
]);
// What JavaScript and Python count as white space differs: this is Python's list, as the first verifier has it.
// eslint-disable-next-line no-control-regex
const NOT_IN_NAMES = /[+\x00-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
/** RFC 8032, section 7.1, test 1: a key that every implementation takes. */
const KNOWN_KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/**
 * @typedef {Object} Verifier
 * @property {string} name
 * @property {string} id key id, 8 hex digits
 * @property {number} type
 * @property {Uint8Array} key
 * @property {string} text the verifier key as it was written
 */

/** Refuse to go on where the browser has no Ed25519 or shows the page without WebCrypto. */
export async function requireEd25519() {
  const hint = "Use a newer browser, over https or from this computer; or verify the file with `muniment verify FILE`.";
  if (globalThis.crypto?.subtle === undefined) {
    throw failed(0, "no-webcrypto", "This browser offers no cryptography to this page, so nothing was verified.", hint);
  }
  try {
    await importKey(fromHex(KNOWN_KEY));
  } catch {
    throw failed(0, "no-ed25519", "This browser cannot check Ed25519 signatures, so nothing was verified.", hint);
  }
}

/** Is this signature libsodium-valid? @returns {Promise<boolean>} what has a wrong length is not */
export async function isValidSignature(key, message, signature) {
  if (key.length !== 32 || signature.length !== 64 || !isStrict(key, signature)) return false;
  try {
    return await crypto.subtle.verify("Ed25519", await importKey(key), signature, message);
  } catch {
    // Some implementations refuse the bytes of no point where others give false.
    return false;
  }
}

/** Read `<name>+<hex key id>+<base64 of type and key>`. @param {string} text @returns {Promise<Verifier>} */
export async function parseVerifierKey(text) {
  const match = text.length <= MAX_VKEY_CHARACTERS ? /^([^+]*)\+([0-9a-f]{8})\+([^]*)$/.exec(text) : null;
  if (match === null) throw badKey("is not written <name>+<8 hex>+<base64>");
  const [, name, id, encoded] = match;
  checkKeyName(name);
  const material = parseBase64(encoded, "the key in the verifier key");
  if (material.length < 2) throw badKey("holds no key");
  const [type, key] = [material[0], material.subarray(1)];
  const expected = MATERIAL_BYTES[type];
  if (expected !== undefined && key.length !== expected) {
    throw invalid("bad-key", `a key of this type has ${expected} bytes, not ${key.length}`, "Copy the key whole.");
  }
  if (expected !== undefined && id !== toHex(await sha256(toUtf8(`${name}\n`), material)).slice(0, 8)) {
    throw badKey("has a key id that does not belong to its name and key");
  }
  return { name, id, type, key, text };
}

/** A key name is not empty and has no space, no plus, no control character. @param {string} name */
export function checkKeyName(name) {
  if (!name || !name.isWellFormed() || NOT_IN_NAMES.test(name)) {
    throw invalid("bad-key-name", `${JSON.stringify(name)} is not a key name`);
  }
}

/** @param {Uint8Array} key @returns {Promise<CryptoKey>} */
function importKey(key) {
  return crypto.subtle.importKey("raw", key, "Ed25519", true, ["verify"]);
}

function isStrict(key, signature) {
  const points = [key, signature.subarray(0, 32)].map((bytes) => readLittleEndian(bytes) % SIGN_BIT);
  const plain = points.every((y) => y < FIELD_PRIME && !SMALL_ORDER.includes(y));
  return plain && readLittleEndian(signature.subarray(32)) < GROUP_ORDER;
}

function readLittleEndian(bytes) {
  return BigInt(`0x${toHex(bytes.slice().reverse())}`);
}

function badKey(reason) {
  return invalid("bad-vkey", `the verifier key ${reason}`, "Copy the key as its owner published it.");
}
