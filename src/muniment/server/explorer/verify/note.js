/** C2SP signed notes: a text, and lines that say who signed it. Reading one verifies nothing. */
import { formatBase64, fromHex, joinBytes, parseBase64, readUtf8, toHex } from "./bytes.js";
import { checkKeyName } from "./keys.js";
import { invalid } from "./problem.js";

const MAX_NOTE_BYTES = 1_000_000;
const MAX_SIGNATURES = 100;
const KEY_ID_BYTES = 4;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x09\x0b-\x1f]/;

/**
 * @typedef {Object} Line
 * @property {string} name
 * @property {string} id key id, 8 hex digits
 * @property {Uint8Array} blob what the type of the key makes of it
 *
 * @typedef {Object} Note
 * @property {string} text it ends with a newline
 * @property {Line[]} lines
 */

/** @param {Uint8Array} raw @returns {Note} */
export function parseNote(raw) {
  if (raw.length > MAX_NOTE_BYTES) throw invalid("too-long", `${raw.length} bytes where a note has at most ${MAX_NOTE_BYTES}`);
  const whole = readUtf8(raw);
  if (whole === null) throw badNote("is not UTF-8");
  const gap = whole.lastIndexOf("\n\n");
  if (gap < 0 || gap + 2 === whole.length || !whole.endsWith("\n")) throw badNote("has no signature lines after an empty line");
  const text = whole.slice(0, gap + 1);
  checkNoteText(text);
  const lines = whole.slice(gap + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) throw badNote(`has more than ${MAX_SIGNATURES} signatures`);
  return { text, lines: lines.map(parseLine) };
}

/** @param {Note} note @returns {string} */
export function formatNote(note) {
  const lines = note.lines.map(({ name, id, blob }) => `— ${name} ${formatBase64(joinBytes(fromHex(id), blob))}\n`);
  return `${note.text}\n${lines.join("")}`;
}

/** A text ends with a newline and has no other control character. @param {string} text */
export function checkNoteText(text) {
  if (!text.endsWith("\n")) throw badNote("has a text that does not end with a newline");
  if (CONTROL.test(text)) throw badNote("has a control character in its text");
}

function parseLine(line) {
  const [dash, name = "", ...rest] = line.split(" ");
  if (dash !== "—" || rest.length === 0) throw badNote("has a signature line that is not written — <name> <base64>");
  checkKeyName(name);
  const data = parseBase64(rest.join(" "), `the signature by ${name}`);
  if (data.length <= KEY_ID_BYTES) throw badNote(`has no signature in the line of ${name}`);
  return { name, id: toHex(data.subarray(0, KEY_ID_BYTES)), blob: data.subarray(KEY_ID_BYTES) };
}

function badNote(reason) {
  return invalid("bad-note", `the note ${reason}`, "Use the bytes of a C2SP signed note as they were received.");
}
