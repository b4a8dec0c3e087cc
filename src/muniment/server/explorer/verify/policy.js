/** The form of a policy, beyond the types of its fields (docs/spec, section 6.6). */
import { checkNumber } from "./decimal.js";
import { invalid } from "./problem.js";

const MAX_NAMED = 64;
/** More than two thirds of 64 members, as many as there can be. */
const MAX_QUORUM = 43;

/** @param {any} policy of the right struct */
export function checkPolicy(policy) {
  const environments = policy.environments ?? [];
  for (const role of policy.roles) checkSet("may", role.may);
  for (const each of environments) checkEnvironment(each);
  checkSet("roles", namesOf(policy.roles, "name"));
  checkSet("environments", namesOf(environments, "name"));
  checkSet("amendment", namesOf(policy.amendment, "role"));
  checkSet("holdRoles", policy.holdRoles);
  checkSet("recordRefusals", policy.recordRefusals);
  checkRoles(policy, [policy.amendment ?? [], ...environments.map((each) => each.approvals ?? [])]);
}

function checkEnvironment({ approvals, separation, evaluations = [], data = {} }) {
  for (const each of evaluations) checkNumber("threshold", each.threshold);
  checkSet("approvals", namesOf(approvals, "role"));
  checkSet("separation", separation);
  checkSet(
    "evaluations",
    evaluations.map((each) => `${each.metric} ${each.datasetRole} ${each.comparator} ${each.threshold}`),
  );
  checkSet("licences", data.licences);
  checkSet("purposes", data.purposes);
}

/** What counts approvals or holds names a role that exists, and asks for at least one and not too many. */
function checkRoles(policy, lists) {
  const known = namesOf(policy.roles, "name");
  const asked = [...lists.flat().map((each) => each.role), ...(policy.holdRoles ?? [])];
  const unknown = asked.find((role) => !known.includes(role));
  if (unknown !== undefined) throw invalid("bad-policy", `the policy asks for a role that it does not define: ${unknown}`);
  if (lists.some((listed) => listed.reduce((sum, each) => sum + (each.count === "quorum" ? MAX_QUORUM : each.count), 0) > MAX_NAMED)) {
    throw invalid("bad-policy", `more than ${MAX_NAMED} approvals are asked for`);
  }
  if (lists.flat().some((each) => each.count < 1)) throw invalid("bad-policy", "approvals are asked for by at least one person");
}

function checkSet(field, items = []) {
  if (items.some((item, at) => at > 0 && items[at - 1] >= item)) throw invalid("schema", `${field} must be sorted and without repeats`);
}

function namesOf(parts = [], field) {
  return parts.map((each) => each[field]);
}
