/** The canonical JSON profile: one sequence of bytes for each value (docs/spec, section 1). */
import { readUtf8, sameBytes, toUtf8 } from "./bytes.js";
import { invalid } from "./problem.js";
import { MAX_DEPTH, MAX_PAYLOAD_BYTES } from "./vocabulary.js";

const KEY = /^[A-Za-z_][A-Za-z0-9_]*$/;
const [QUOTE, ESCAPE, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [34, 92, 91, 93, 123, 125];

/** @param {unknown} value @returns {boolean} an object, and no array */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Canonical text of a value that `decodeJson` has read. @param {unknown} value @returns {string} */
export function formatJson(value) {
  if (Array.isArray(value)) return `[${value.map(formatJson).join(",")}]`;
  if (isObject(value)) {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${formatJson(value[key])}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** @param {unknown} value @returns {Uint8Array} its canonical bytes */
export function encodeJson(value) {
  return toUtf8(formatJson(value));
}

/**
 * Read canonical bytes, in the order of docs/spec, section 1.2. That they were canonical is shown by writing them again.
 *
 * @param {Uint8Array} raw
 * @param {number} [limit] bytes
 * @returns {any}
 */
export function decodeJson(raw, limit = MAX_PAYLOAD_BYTES) {
  if (raw.length > limit) throw invalid("too-long", `${raw.length} bytes where at most ${limit} are allowed`);
  checkDepth(raw);
  const text = readUtf8(raw);
  const value = parseJson(text);
  checkValue(value);
  if (!sameBytes(encodeJson(value), raw)) {
    const numbers = text.replace(/"(?:[^"\\]|\\.)*"/g, "");
    if (/[0-9][.eE]/.test(numbers)) throw invalid("float", "a floating-point number is not part of the profile");
    throw invalid("not-canonical", "the JSON is not in its one form", "Use the file as it was written.");
  }
  return value;
}

/** A file: canonical JSON and one newline. @param {Uint8Array} raw @param {number} limit @returns {any} */
export function decodeFile(raw, limit) {
  if (raw.at(-1) !== 10) {
    throw invalid("not-canonical", "the file does not end with a newline", "Use the file as it was written.");
  }
  return decodeJson(raw.subarray(0, -1), limit);
}

function parseJson(text) {
  try {
    if (text !== null) return JSON.parse(text);
  } catch {
    // Told below, for both reasons alike.
  }
  throw invalid("not-json", "this is not JSON in UTF-8");
}

/** Nesting by a linear scan of the bytes, before any parser is asked: its own limit depends on its caller's stack. */
function checkDepth(raw) {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < raw.length; at += 1) {
    const byte = raw[at];
    if (inText) {
      if (byte === ESCAPE) at += 1;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) {
      inText = true;
    } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      depth += 1;
      if (depth > MAX_DEPTH) throw invalid("too-deep", `nested more than ${MAX_DEPTH} deep`);
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      depth -= 1;
    }
  }
}

/** No floating-point numbers, no null, no wide integers, no odd keys, no broken Unicode. */
function checkValue(value) {
  if (value === null) throw invalid("null", "null is not part of the profile", "Leave the field out.");
  if (typeof value === "number") {
    if (!Number.isInteger(value)) throw invalid("float", "a floating-point number is not part of the profile");
    if (!Number.isSafeInteger(value)) throw invalid("integer-range", "an integer is outside ±(2^53 − 1)");
  } else if (typeof value === "string") {
    if (!value.isWellFormed()) throw invalid("not-json", "a text is not valid Unicode");
  } else if (Array.isArray(value)) {
    value.forEach(checkValue);
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      if (!KEY.test(key)) throw invalid("bad-key", `the key ${JSON.stringify(key)} is not [A-Za-z_][A-Za-z0-9_]*`);
      checkValue(item);
    }
  }
}
