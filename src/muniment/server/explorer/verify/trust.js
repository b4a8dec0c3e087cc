/** The trust file: whom the reader believes about one ledger (docs/spec, section 11.1). */
import { sameBytes, toUtf8, toHex } from "./bytes.js";
import { sha256 } from "./digest.js";
import { checkKeyName, ED25519, parseVerifierKey } from "./keys.js";
import { invalid, VerificationError } from "./problem.js";
import { parseToml } from "./toml.js";

/** What a cosignature states, from the weakest to the strongest: each one includes those before it. */
export const STATEMENTS = Object.freeze(["append-only", "replayed", "voted"]);
const MAX_CHARACTERS = 262_144;
const MAX_LOG_KEYS = 64;
const MAX_COSIGNERS = 256;
const FIELDS = Object.freeze(["origin", "ledger", "log_keys", "quorum", "cosigners"]);
const COSIGNER_FIELDS = Object.freeze(["organisation", "statement", "vkey"]);

/**
 * @typedef {Object} Cosigner
 * @property {import("./keys.js").Verifier} verifier
 * @property {string} organisation
 * @property {string} statement
 *
 * @typedef {Object} Trust
 * @property {string} origin
 * @property {string} ledger the id, 64 hex digits
 * @property {import("./keys.js").Verifier[]} logKeys
 * @property {Cosigner[]} cosigners
 * @property {number} quorum how many organisations must have cosigned; 0 asks for none
 * @property {string[]} organisations those that may cosign, each once
 */

/** @param {string} text @returns {Promise<Trust>} every error is `bad-trust` and names the field in its details */
export async function parseTrust(text) {
  if (text.length > MAX_CHARACTERS) throw invalid("too-long", `${text.length} characters where a trust file has ${MAX_CHARACTERS}`);
  const whole = readDocument(text);
  checkTrustFields(whole, FIELDS, "");
  const tables = takeList(whole.cosigners ?? [], "cosigners");
  const origin = takeText(whole, "origin", "");
  const ledger = takeText(whole, "ledger", "");
  const logKeys = [];
  for (const [at, key] of takeList(whole.log_keys ?? [], "log_keys").entries()) logKeys.push(await takeKey(key, `log_keys[${at}]`));
  const cosigners = [];
  for (const [at, table] of tables.entries()) cosigners.push(await takeCosigner(table, `cosigners[${at}]`));
  const organisations = [...new Set(cosigners.map((each) => each.organisation))].sort();
  const quorum = takeQuorum(takeText(whole, "quorum", ""), organisations.length);
  const trust = { origin, ledger, logKeys, cosigners, quorum, organisations };
  checkTrust(trust);
  return trust;
}

/** What two people compare aloud on first contact. @param {Trust} trust @returns {Promise<string>} */
export async function fingerprintOf(trust) {
  const voting = trust.quorum > 0 && trust.quorum <= countVoting(trust);
  const believed = voting ? trust.cosigners.map((each) => each.verifier) : trust.logKeys.slice(0, 1);
  const texts = believed.map((each) => each.text).sort();
  return `${trust.ledger.slice(0, 16)}-${toHex(await sha256(toUtf8(texts.join("\n")))).slice(0, 16)}`;
}

function readDocument(text) {
  try {
    return parseToml(text);
  } catch (error) {
    throw badTrust("", `is not TOML as trust files are written: ${error.message}`);
  }
}

function takeQuorum(text, count) {
  if (text === "none") return 0;
  const match = /^([1-9][0-9]{0,2}) of ([1-9][0-9]{0,2}) organisation(s?)$/.exec(text);
  if (match === null) throw badTrust("quorum", 'is not written "2 of 3 organisations" or "none"');
  // The second number is there to be compared: who removes a cosigner must see that the promise becomes a weaker one.
  if (Number(match[2]) !== count || Number(match[1]) > count || (match[3] === "s") !== (count !== 1)) {
    throw badTrust("quorum", `says "${text}", and the cosigners listed belong to ${count}`);
  }
  return Number(match[1]);
}

async function takeCosigner(table, field) {
  if (typeof table !== "object") throw badTrust(field, "is not a table under [[cosigners]]");
  checkTrustFields(table, COSIGNER_FIELDS, `${field}.`);
  const statement = takeText(table, "statement", `${field}.`);
  if (!STATEMENTS.includes(statement)) throw badTrust(`${field}.statement`, `is not one of ${STATEMENTS.join(", ")}`);
  const verifier = await takeKey(table.vkey, `${field}.vkey`);
  return { verifier, organisation: takeText(table, "organisation", `${field}.`), statement };
}

async function takeKey(value, field) {
  if (typeof value !== "string") throw badTrust(field, "is not a verifier key in quotes");
  try {
    return await parseVerifierKey(value);
  } catch (error) {
    throw error instanceof VerificationError ? badTrust(field, `is no C2SP verifier key: ${error.message}`) : error;
  }
}

function checkTrust(trust) {
  try {
    checkKeyName(trust.origin);
  } catch (error) {
    throw badTrust("origin", `is no origin: ${error.message}`);
  }
  if (!/^[0-9a-f]{64}$/.test(trust.ledger)) throw badTrust("ledger", "is not 64 lower hex digits");
  if (trust.logKeys.length > MAX_LOG_KEYS || trust.cosigners.length > MAX_COSIGNERS) throw badTrust("", "has too many keys");
  for (const [at, key] of trust.logKeys.entries()) {
    if (key.type !== ED25519) throw badTrust(`log_keys[${at}]`, "is not of the type that a ledger signs with");
    if (key.name !== trust.origin) throw badTrust(`log_keys[${at}]`, `is named ${key.name}, and not like the origin`);
  }
  for (const [at, { organisation, verifier }] of trust.cosigners.entries()) {
    if (!/^[!$-~]{1,128}$/.test(organisation) || organisation === "none") {
      throw badTrust(`cosigners[${at}].organisation`, "is not 1 to 128 printable ASCII characters without space, quote and #");
    }
    if (verifier.type === ED25519) throw badTrust(`cosigners[${at}].vkey`, "is a log's key, and cosigners sign with another type");
  }
  checkDistinct(trust);
  if (!trust.logKeys.length && !(trust.quorum > 0 && trust.quorum <= countVoting(trust))) {
    throw badTrust("log_keys", "names no key, and there is no quorum of organisations that vote in its place");
  }
}

/** How many organisations vote. */
export function countVoting({ cosigners }) {
  return new Set(cosigners.filter((each) => each.statement === "voted").map((each) => each.organisation)).size;
}

/** A cosignature does not bind its signer's name, so one key under two names would count twice. */
function checkDistinct(trust) {
  const seen = [];
  const listed = trust.logKeys.map((each, at) => [`log_keys[${at}]`, each.key]);
  listed.push(...trust.cosigners.map((each, at) => [`cosigners[${at}].vkey`, each.verifier.key]));
  for (const [field, key] of listed) {
    if (seen.some((each) => sameBytes(each, key))) throw badTrust(field, "is a key that stands above already");
    seen.push(key);
  }
}

function checkTrustFields(table, known, prefix) {
  const unknown = Object.keys(table).find((field) => !known.includes(field));
  if (unknown !== undefined) throw badTrust(`${prefix}${unknown}`, "is no field of a trust file");
}

function takeText(table, field, prefix) {
  const value = table[field];
  if (typeof value !== "string") throw badTrust(`${prefix}${field}`, value === undefined ? "is missing" : "is not a text in quotes");
  return value;
}

function takeList(value, field) {
  if (!Array.isArray(value)) throw badTrust(field, "is not a list in brackets");
  return value;
}

function badTrust(field, reason) {
  const subject = field ? `${field} of the trust file` : "the trust file";
  const hint = "Correct the trust file, or ask the ledger's owner for it once more.";
  return invalid("bad-trust", `${subject} ${reason}`, hint, { field });
}
