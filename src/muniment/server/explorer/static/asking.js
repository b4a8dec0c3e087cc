// Questions to this server, and what it refuses, in words.

/** The server's own words for what went wrong; `status` 0 where it did not answer at all. */
export class Refusal extends Error {
  constructor(status, { code = "", detail = "", hint = "" } = {}) {
    const [said, mend] = [detail || `the server answered ${status}`, hint].map((text) => text && text[0].toUpperCase() + text.slice(1));
    super(`${said.replace(/\.$/, "")}.${mend ? ` ${mend}` : ""}`);
    this.status = status;
    this.code = code;
  }
}

/** GET JSON. Throws Refusal. */
export function ask(url) {
  return exchange(url, { headers: { Accept: "application/json" } });
}

/** POST a JSON text as it is. Throws Refusal. */
export function send(url, body) {
  return exchange(url, { method: "POST", body, headers: { Accept: "application/json", "Content-Type": "application/json" } });
}

/** DELETE. Throws Refusal. */
export function remove(url) {
  return exchange(url, { method: "DELETE", headers: { Accept: "application/json" } });
}

async function exchange(url, options) {
  let response;
  try {
    response = await fetch(url, { ...options, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new Refusal(0, { detail: "The server did not answer", hint: "Try again in a moment." });
  }
  if (!response.ok) throw new Refusal(response.status, await response.json().catch(() => ({})));
  return response.status === 204 ? null : response.json();
}
