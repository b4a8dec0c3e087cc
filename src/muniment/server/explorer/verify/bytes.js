/** Bytes and their texts: UTF-8, hex, base64. Everything here is a Uint8Array. */
import { invalid } from "./problem.js";

const CHUNK = 8192;

/** @param {string} text @returns {Uint8Array} its UTF-8 */
export function toUtf8(text) {
  return new TextEncoder().encode(text);
}

/** The text of UTF-8 bytes; a byte order mark stays. @param {Uint8Array} data @returns {string | null} null where it is none */
export function readUtf8(data) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return null;
  }
}

/** @param {Uint8Array} data @returns {string} lower-case hex */
export function toHex(data) {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} text hex digits, an even number of them @returns {Uint8Array} */
export function fromHex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** @param {...Uint8Array} parts @returns {Uint8Array} one after the other */
export function joinBytes(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @param {Uint8Array} one @param {Uint8Array} other @returns {boolean} */
export function sameBytes(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** Eight bytes, big-endian. @param {number | bigint} number @returns {Uint8Array} */
export function toUint64(number) {
  const data = new Uint8Array(8);
  new DataView(data.buffer).setBigUint64(0, BigInt(number));
  return data;
}

/** Standard base64 with padding. @param {Uint8Array} data @returns {string} */
export function formatBase64(data) {
  let text = "";
  for (let at = 0; at < data.length; at += CHUNK) {
    text += String.fromCharCode(...data.subarray(at, at + CHUNK));
  }
  return btoa(text);
}

/** Strict base64: what was read is written again and compared. @returns {Uint8Array | null} null where it is none */
export function readBase64(text) {
  try {
    const data = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return formatBase64(data) === text ? data : null;
  } catch {
    return null;
  }
}

/** @param {string} text @param {string} what the thing, for the message @returns {Uint8Array} */
export function parseBase64(text, what) {
  const data = readBase64(text);
  if (data === null) throw invalid("not-base64", `${what} is not standard base64`, "Copy it whole, with its padding.");
  return data;
}

/** base64url without padding, as salts and commitments are written. @param {Uint8Array} data @returns {string} */
export function formatBase64Url(data) {
  return formatBase64(data).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {string} text base64url of the right form @returns {Uint8Array} */
export function parseBase64Url(text) {
  const padded = text.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat((4 - (text.length % 4)) % 4);
  return parseBase64(padded, "a salt or commitment");
}
