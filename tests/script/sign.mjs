/**
 * Runs what pages sign with: reads cases from standard input, and writes for each what it gave, or why it failed.
 *
 *   node tests/script/sign.mjs FOLDER < cases.json > results.json
 *
 * FOLDER holds the scripts of the pages as a browser gets them, with verify.js among them.
 */
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
const load = (name) => import(pathToFileURL(path.join(process.argv[2], name)));
const { draft, formatEventId, formatTime, signEnvelope } = await load("drafting.js");
const { fingerprintOf, makeRequest, readRequest } = await load("key_request.js");
const { readUtf8 } = await load("verify.js");
const hex = (text) => Uint8Array.from(Buffer.from(text, "hex"));

/** Signs with the key of a seed: PKCS #8 is a fixed beginning and the seed. */
async function signerOf(seed) {
  const key = await crypto.subtle.importKey("pkcs8", hex(`302e020100300506032b657004220420${seed}`), "Ed25519", false, ["sign"]);
  return async (message) => new Uint8Array(await crypto.subtle.sign("Ed25519", key, message));
}

const RUNS = {
  event: async ({ name, fields, prose, salts, seed, key }) => {
    const left = salts.map(hex);
    const { payload, openings } = await draft(name, fields, prose, () => left.shift());
    return { payload: readUtf8(payload), openings, entry: readUtf8(await signEnvelope(payload, key, await signerOf(seed))) };
  },
  request: async ({ asked, seed }) => makeRequest(asked, await signerOf(seed)),
  read: ({ line }) => readRequest(line),
  fingerprint: ({ key }) => fingerprintOf(key),
  id: ({ milliseconds, random }) => formatEventId(milliseconds, hex(random)),
  time: ({ milliseconds }) => formatTime(milliseconds),
};

const results = [];
for (const given of JSON.parse(fs.readFileSync(0, "utf8"))) {
  try {
    results.push({ gave: await RUNS[given.run](given) });
  } catch (error) {
    results.push({ failed: error.message, code: error.code ?? "" });
  }
}
process.stdout.write(JSON.stringify(results));
