/** SHA-256, the one hash of protocol 1, by the browser's own WebCrypto. */
import { fromHex, joinBytes, toHex, toUtf8 } from "./bytes.js";

const ADDRESS_BYTES = 20;

/** @param {...Uint8Array} parts hashed one after the other @returns {Promise<Uint8Array>} 32 bytes */
export async function sha256(...parts) {
  const whole = parts.length === 1 ? parts[0] : joinBytes(...parts);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

/** @param {string} text @returns {Promise<string>} SHA-256 of its UTF-8, in hex */
export async function hashText(text) {
  return toHex(await sha256(toUtf8(text)));
}

/** The address of the validator with a public key, hex (docs/spec, section 4.1). @param {string} key @returns {Promise<string>} */
export async function hashAddress(key) {
  return toHex((await sha256(fromHex(key))).subarray(0, ADDRESS_BYTES));
}

/** A digest as people see it beside a name: `9f86…0a08`. @param {string} text hex @returns {string} */
export function shorten(text) {
  return text.length <= 8 ? text : `${text.slice(0, 4)}…${text.slice(-4)}`;
}
