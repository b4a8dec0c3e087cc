/** The one order of arrays: every array of an event is a set, strictly ascending (docs/spec, section 12.2). */
import { formatJson } from "./encoding.js";
import { invalid } from "./problem.js";
import { fieldsOf, itemOf } from "./schema.js";
import { STRUCTS } from "./vocabulary.js";

const CITED = Object.freeze(["blob", "data", "event", "version"]);

/** Check the arrays of a struct and of the elements in them. @param {string} name of the struct @param {any} value */
export function checkOrder(name, value) {
  for (const [field, text] of Object.entries(fieldsOf(name))) {
    const item = itemOf(text);
    if (item !== null && value[field] !== undefined) checkItems(field, item, value[field]);
  }
}

/** Check that texts or numbers ascend strictly. @param {string} what for the message @param {(string | number)[]} items */
export function checkAscending(what, items) {
  if (items.some((item, at) => at > 0 && items[at - 1] >= item)) {
    throw invalid("not-sorted", `${what} do not ascend strictly`, "Use the file as it was written.");
  }
}

/** What slices are sorted by: their canonical text; nothing for the whole. @returns {string} */
export function orderOfSlice(conditions) {
  return conditions === undefined ? "" : formatJson(conditions);
}

/** The one thing that a citation names: what kind, and which one. @returns {[string, string]} */
export function citedThing(citation) {
  const present = CITED.filter((field) => citation[field] !== undefined);
  if (present.length !== 1) throw invalid("one-form", `a citation has exactly one of ${CITED.join(", ")}`);
  return [present[0], citation[present[0]]];
}

/** What the elements of an array are sorted by. */
const ORDERS = Object.freeze({
  Assertion: (item) => [item.name, item.column ?? ""],
  Citation: (item) => [item.relation, ...citedThing(item)],
  FoundationModel: (item) => [item.name, item.version ?? ""],
  KeyProof: (item) => [item.key],
  Metric: (item) => [item.metric, orderOfSlice(item.slice)],
  Parameter: (item) => [item.key],
  TrainingInput: (item) => [item.data, item.role],
  TrainingOutput: (item) => [item.name],
});

function checkItems(field, form, items) {
  const inner = itemOf(form);
  for (const item of items) {
    if (inner !== null) checkItems(field, inner, item);
    else if (Object.hasOwn(STRUCTS, form)) checkOrder(form, item);
  }
  if (items.length < 2) return;
  const order = inner === null ? (ORDERS[form] ?? ((item) => [item])) : (item) => [orderOfSlice(item)];
  const orders = items.map(order);
  if (orders.some((each, at) => at > 0 && !precedes(orders[at - 1], each))) {
    throw invalid("not-sorted", `${field} is not sorted, or says something twice`);
  }
}

/** Place by place. */
function precedes(one, other) {
  const at = one.findIndex((text, place) => text !== other[place]);
  return at >= 0 && one[at] < other[at];
}
