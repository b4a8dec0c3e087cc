/** Presence and absence in plain terms: approved or not, deployed ever, on hold, withdrawn (docs/spec, section 10.7, "Claim"). */
import { disputes } from "./ground.js";
import { leaveOut, requireRecord } from "./inquiry.js";
import { failed, invalid } from "./problem.js";
import { deploymentStream } from "./stream.js";

const OPPOSITES = Object.freeze({
  "never-deployed": "deployed",
  "not-approved": "approved",
  "not-on-hold": "on-hold",
  "not-withdrawn": "withdrawn",
});
const DECISIVE = Object.freeze(["counts", "open", "recorded"]);

/** Does this hold now? */
export function answerClaim(question, ground) {
  const { ask, claim, of } = question;
  const positive = OPPOSITES[claim] ?? claim;
  checkClaim(question, positive);
  const recorded = ground.record(of) !== null;
  const witnesses = recorded ? SEARCHES[positive](question, ground) : [];
  const found = witnesses.some((witness) => DECISIVE.includes(witness.standing));
  const holds = found === (positive === claim);
  const findings = leaveOut({ ask, holds, name: ground.title(of), recorded, witnesses });
  return { findings, word: holds ? "holds" : "fails" };
}

/** How an approval stands as of the newest header: revoked, expired, disputed, or it counts. */
export function weighApproval(approval, ground) {
  const key = ground.read(`key/${approval.keyid}`);
  if (approval.status !== "open") return "revoked";
  if (approval.expires !== undefined && approval.expires <= ground.head.time) return "expired";
  return key === null || disputes(key, approval.index) ? "disputed" : "counts";
}

function checkClaim({ claim, environment, of }, positive) {
  const [kind, placed] = positive === "withdrawn" ? ["data", false] : ["version", positive !== "on-hold"];
  if (!of.startsWith(`${kind}/`) || (environment !== undefined && !placed)) {
    throw invalid("bad-claim", `${claim} is said of a ${kind}${placed ? "" : " and of no environment"}`);
  }
}

const SEARCHES = Object.freeze({
  approved: ({ of, environment }, ground) => {
    const decided = ground.events(of).filter(({ event, said }) => {
      const about = event === "approval.decided" && said.decision === "approve" && `version/${said.of.version}` === of;
      return about && (environment === undefined || said.of.environment === environment);
    });
    return decided.map(({ index, said }) => {
      const stream = `approval/${said.eventId}`;
      const standing = weighApproval(requireRecord(ground.read(stream), stream), ground);
      return leaveOut({ actor: said.actor, expires: said.expiresAt, index, standing, stream });
    });
  },
  deployed: ({ of, environment }, ground) => {
    const changed = ground.events(of).filter(({ event, said }) => {
      const about = event === "deployment.changed" && `version/${said.version}` === of;
      return about && (environment === undefined || said.environment === environment);
    });
    return changed.map(({ index, said }) => {
      return { actor: said.actor, index, standing: "recorded", stream: deploymentStream(said.environment, said.name) };
    });
  },
  "on-hold": ({ of }, ground) => {
    const { holds } = ground.read(of);
    if (!holds) return [];
    const incidents = ground.events(of).filter(({ event, said }) => {
      return event === "incident.recorded" && said.hold && `version/${said.version}` === of;
    });
    const found = incidents.map(({ index, said }) => {
      const stream = `incident/${said.eventId}`;
      const standing = ground.read(stream)?.status === "open" ? "open" : "closed";
      return { actor: said.actor, index, standing, stream };
    });
    if (found.filter((each) => each.standing === "open").length !== holds) {
      throw failed(11, "state-record", `the record of ${of} counts other holds than its events`);
    }
    return found;
  },
  withdrawn: ({ of }, ground) => {
    const { withdrawn } = ground.read(of);
    if (withdrawn === undefined) return [];
    const { said } = ground.find(withdrawn, "dataset.withdrawn", of);
    return [{ actor: said.actor, index: withdrawn, standing: "open", stream: of }];
  },
});
