"""Enough persons, each in the role that is asked for, and none of them a party to what is approved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from muniment.core.rules.policy import Environment
from muniment.core.rules.requirements.case import Finding
from muniment.core.rules.requirements.scene import Scene, list_names
from muniment.core.rules.requirements.voices import Asked, Heard, count_approvals, count_voices, hear


def judge_approvals(scene: Scene, environment: Environment) -> Iterator[Finding]:
    """One finding for each role that is asked for. Its rule is `separation` where only that keeps voices from counting."""
    asked = Asked(
        of=f"version/{scene.case.version}",
        environment=environment.name,
        time=scene.case.time,
        max_age_days=environment.max_approval_age_days,
    )
    heard = hear(scene.world, asked, scene.case.approvals)
    empty = sorted(party for party, side in scene.parties.items() if not side.answered)
    for wanted in environment.approvals:
        voices = [] if empty else count_voices(heard, wanted.role, scene.kept_apart)
        alike = count_voices(heard, wanted.role)
        short = wanted.count - len(voices)
        separated = short > 0 and (bool(empty) or len(alike) >= wanted.count)
        apart = f", apart from the {list_names(sorted(scene.parties))}" if scene.parties else ""
        yield Finding(
            rule="separation" if separated else "approvals",
            required=f"{environment.name} asks for {count_approvals(wanted.count)} by {wanted.role}{apart}.",
            met=short <= 0,
            by=tuple(each.stream for each in voices),
            found=_tell(scene, voices, heard if short > 0 else [], wanted.role, empty),
            missing=(f"{count_approvals(short, 'more ')} by {wanted.role}",) if short > 0 else (),
            mend=f"Let somebody else with that role approve it: `muniment approve {scene.title} --environment {environment.name}`.",
            waived=_find_waiver(scene, heard, wanted.role, wanted.count) if separated else "",
        )


def _find_waiver(scene: Scene, heard: list[Heard], role: str, count: int) -> str:
    """The waiver of separation under which the approvals suffice; its own author's never count."""
    for event_id, waiver in scene.applicable("separation"):
        if len(count_voices(heard, role, waiver.persons)) >= count:
            return event_id
    return ""


def _tell(scene: Scene, voices: list[Heard], heard: list[Heard], role: str, empty: Sequence[str]) -> str:
    told = [f"{' and '.join(each.told() for each in voices) or 'None'} {'count' if len(voices) > 1 else 'counts'}."]
    if empty:
        told.append(f"Nobody answers for the {empty[0]}, so that nobody can be kept apart.")
    for each in heard:
        why = "" if each in voices else _why_not(scene, each, role, voices)
        if why:
            told.append(f"Not {each.told()}: {why}.")
    return " ".join(told)


def _why_not(scene: Scene, heard: Heard, role: str, voices: list[Heard]) -> str:
    persons = set(heard.approval.persons)
    if heard.silent:
        return heard.silent
    if role not in heard.approval.roles:
        return f"not in the role {role}"
    same = sorted(party for party, side in scene.parties.items() if persons & set(side.persons))
    if same:
        return f"the same person is the {' and the '.join(same)}"
    spoke = any(persons & set(voice.approval.persons) for voice in voices)
    return "the same person has spoken already" if spoke else ""
