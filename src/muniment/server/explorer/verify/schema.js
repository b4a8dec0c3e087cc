/** Whether a value has the form that protocol 1 gives it: the structs and text forms of vocabulary.js. */
import { readBase64 } from "./bytes.js";
import { isObject } from "./encoding.js";
import { invalid } from "./problem.js";
import { FORMS, STRUCTS } from "./vocabulary.js";

const FIELD = /^(?<form>[^?]*)(?<optional>\?(?<absent>.*))?$/;
const ARRAY = /^(?<item>.*)\[(?<least>\d+),(?<most>\d*)\]$/;
const BYTES = /^bytes:(?<least>\d+):(?<most>\d*)$/;

/** The fields of a struct, those that it shares with others first. @param {string} name @returns {Object<string, string>} */
export function fieldsOf(name) {
  const { "": base, ...own } = STRUCTS[name];
  return base === undefined ? own : { ...fieldsOf(base), ...own };
}

/**
 * Check that a value is this struct: its fields and no others. A field that says what its absence says must be absent.
 *
 * @param {string} name of the struct
 * @param {unknown} value as decodeJson read it
 * @param {boolean} [lenient] allow what could be absent; for the states of records
 */
export function checkStruct(name, value, lenient = false) {
  const fault = findFault(name, value, name, lenient);
  if (fault) throw invalid("schema", `it does not fit the schema: ${fault}`);
}

/** The form of the elements of an array field, as its text in vocabulary.js has it; null for any other field. @returns {string | null} */
export function itemOf(text) {
  return ARRAY.exec(FIELD.exec(text).groups.form)?.groups.item ?? null;
}

/** @returns {boolean} whether a text has this form */
export function hasForm(name, text) {
  const [pattern, most] = FORMS[name];
  return typeof text === "string" && (!most || [...text].length <= most) && new RegExp(pattern).test(text);
}

/** What keeps a value from being a struct; nothing where it is one. */
function findFault(name, value, path, lenient) {
  if (!isObject(value)) return `${path} is no object`;
  const fields = fieldsOf(name);
  const unknown = Object.keys(value).find((key) => !Object.hasOwn(fields, key));
  if (unknown !== undefined) return `${path} has an unknown field ${unknown}`;
  for (const [field, text] of Object.entries(fields)) {
    const { form, optional, absent } = FIELD.exec(text).groups;
    const item = value[field];
    if (!Object.hasOwn(value, field)) {
      if (optional === undefined) return `${path}.${field} is missing`;
    } else if (!lenient && absent && JSON.stringify(item) === absent) {
      return `${path}.${field} says nothing and must be absent`;
    } else {
      const fault = findFieldFault(form, item, `${path}.${field}`, lenient);
      if (fault) return fault;
    }
  }
  return "";
}

function findFieldFault(form, value, path, lenient) {
  const faults = form.split("|").map((each) => findFormFault(each, value, path, lenient));
  return faults.includes("") ? "" : faults.length === 1 ? faults[0] : `${path} has none of its forms`;
}

function findFormFault(form, value, path, lenient) {
  const array = ARRAY.exec(form);
  if (array !== null) return findArrayFault(array.groups, value, path, lenient);
  if (form.startsWith("=")) {
    const word = typeof value === "number" ? `#${value}` : value;
    return typeof word === "string" && form.slice(1).split(",").includes(word) ? "" : `${path} is none of its words`;
  }
  if (Object.hasOwn(STRUCTS, form)) return findFault(form, value, path, lenient);
  return holdsForm(form, value) ? "" : `${path} is no ${form}`;
}

function findArrayFault({ item, least, most }, value, path, lenient) {
  if (!Array.isArray(value)) return `${path} is no array`;
  if (value.length < Number(least) || (most && value.length > Number(most))) return `${path} has too few or too many elements`;
  for (const [at, each] of value.entries()) {
    const fault = findFormFault(item, each, `${path}[${at}]`, lenient);
    if (fault) return fault;
  }
  return "";
}

function holdsForm(form, value) {
  if (form === "any") return true;
  if (form === "text") return typeof value === "string";
  if (form === "bool") return typeof value === "boolean";
  if (form === "int") return typeof value === "number";
  if (form === "nat") return typeof value === "number" && value >= 0;
  if (form === "nat1") return typeof value === "number" && value >= 1;
  const bytes = BYTES.exec(form);
  if (bytes === null) return hasForm(form, value);
  const data = typeof value === "string" ? readBase64(value) : null;
  return data !== null && data.length >= Number(bytes.groups.least) && (!bytes.groups.most || data.length <= Number(bytes.groups.most));
}
