// How the keys that this browser holds stand in the ledger, by this server's word.

import { ask } from "./asking.js";

const WORDS = Object.freeze({
  "in force": ["in force", "good"],
  waiting: ["waits for admission", "warn"],
  unknown: ["not admitted", "warn"],
  ended: ["ended", "plain"],
  expired: ["expired", "plain"],
  disputed: ["disputed", "bad"],
});

/** What stands beside a key: a word for it and its tone. */
export function describe(standing) {
  return WORDS[standing];
}

/** Each key with its standing: `in force`, `ended`, `expired`, `disputed`, `waiting` (asked for) or `unknown`. */
export async function weigh(held, base, now = new Date().toISOString()) {
  const actors = [...new Set(held.map((each) => each.actor))];
  const lists = await Promise.all(actors.map((actor) => ask(`${base}/v1/keys?actor=${encodeURIComponent(actor)}`)));
  const rows = new Map(lists.flatMap((list) => list.items).map((row) => [row.key, row]));
  const waiting = new Set((await ask(`${base}/v1/requests`)).items.map((each) => each.key));
  return held.map((each) => ({ held: each, row: rows.get(each.key), standing: standingOf(rows.get(each.key), waiting.has(each.key), now) }));
}

function standingOf(row, waits, now) {
  if (row === undefined) return waits ? "waiting" : "unknown";
  if (known(row.disputedFrom)) return "disputed";
  if (known(row.until)) return "ended";
  return known(row.expiresAt) && row.expiresAt <= now ? "expired" : "in force";
}

function known(value) {
  return value !== undefined && value !== null;
}
