// Small parts that scripts add to pages. Everything from outside is set as text, never as markup.

/** An element with its content: texts and other elements; `attributes` by name, `class` among them. */
export function make(tag, attributes = {}, ...content) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...content);
  return made;
}

/** A mark with a word; `tone` is good, warn, bad or plain. */
export function badge(word, tone) {
  return make("span", { class: `badge ${tone}` }, word);
}

/** A hash in groups of eight to compare by eye; it is copied without its gaps. */
export function whole(hex) {
  return make("code", { class: "whole", "data-copy": hex }, ...hex.match(/.{1,8}/g).flatMap((part) => [make("span", {}, part), make("wbr")]));
}

/** A row of a list of facts. */
export function fact(name, ...value) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, ...value));
}

/** Say beside a field what is wrong with it; an empty text takes it back. The place of the words is `<id>-error`. */
export function complain(field, words) {
  const place = document.getElementById(`${field.id}-error`);
  place.textContent = words;
  // A group of fields has no such mark of its own.
  if (words && field.matches("input, select, textarea")) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}
