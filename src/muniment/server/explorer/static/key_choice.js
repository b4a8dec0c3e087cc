// The choice of a key to sign with, and how the chosen one stands: who it is of, what he may do, what would be refused.

import { findObstacle, listKeys } from "./browser_keys.js";
import { ask } from "./asking.js";
import { describe, weigh } from "./standing.js";

const TOLD = Object.freeze({
  waiting: "This key waits for its admission. Until somebody admits it, the ledger refuses what it signs.",
  unknown: "The ledger does not know this key, and refuses what it signs until somebody has admitted it.",
  ended: "This key has ended. The ledger refuses what it signs now.",
  expired: "The time of this key is over. The ledger refuses what it signs now.",
  disputed: "This key is disputed. The ledger refuses what it signs now.",
});

/**
 * Fill a select with the keys that this browser holds for a ledger, those in force first.
 *
 * `judge(held, actor)` gives further sentences of warning, `actor` being the ledger's row of him or undefined. Resolves to the words
 * for what stands in the way, or to nothing and a choice: `held()` is the chosen key.
 */
export async function offerKeys(field, status, { base, origin, ledger }, judge = () => []) {
  const obstacle = await findObstacle();
  if (obstacle) return { obstacle };
  const keys = await listKeys(origin, ledger);
  if (!keys.length) return { obstacle: "This browser holds no key for this ledger yet.", lacking: true };
  const weighed = await weigh(keys, base);
  weighed.sort((one, other) => Number(other.standing === "in force") - Number(one.standing === "in force"));
  const actors = new Map((await ask(`${base}/v1/actors`)).items.map((row) => [row.id, row]));
  field.replaceChildren(...weighed.map(({ held, standing }) => new Option(`${held.actor}, key ${held.key.slice(0, 8)}… (${describe(standing)[0]})`, held.key)));
  const chosen = () => weighed.find(({ held }) => held.key === field.value);
  const tell = () => {
    const { held, standing } = chosen();
    status.textContent = [TOLD[standing], ...judge(held, actors.get(held.actor))].filter(Boolean).join(" ");
  };
  field.addEventListener("change", tell);
  tell();
  return { held: () => chosen().held };
}

/** That a role of an actor may write a kind of event, as a warning where none may. `able` are the roles that may. */
export function warnOfRoles(actor, able, deed) {
  if (actor === undefined || actor.roles.some((role) => able.includes(role))) return [];
  return [`${actor.id} holds ${actor.roles.join(", ") || "no role"}, and ${deed} is for ${able.join(", ") || "nobody"}: the ledger refuses it.`];
}
