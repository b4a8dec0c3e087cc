"""The forms of text, with texts that have each form and texts that do not."""

from __future__ import annotations

from published.cast import digest

FORMS: dict[str, tuple[list[str], list[str]]] = {
    "identifier": (
        ["a", "0", "credit-risk", "a/b.c/D_e", "x" * 128],
        ["", "/a", "a/", "a//b", "-a", "a/.b", "a b", "é", "a\n", "x" * 129],
    ),
    "segment": (["a", "0", "v1.2_3-x", "x" * 128], ["", ".a", "a/b", "a ", "a\n", "x" * 129]),
    "digest": (["0" * 64, digest("")], ["0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n"]),
    "gitDigest": (["0" * 40, "f" * 64], ["0" * 41, "0" * 63, "F" * 40]),
    "eventId": (
        ["019cadc6-9a80-7001-8000-000000000001", "00000000-0000-7000-bfff-ffffffffffff"],
        [
            "019cadc6-9a80-4001-8000-000000000001",
            "019cadc6-9a80-7001-c000-000000000001",
            "019CADC6-9A80-7001-8000-000000000001",
            "019cadc69a8070018000000000000001",
        ],
    ),
    "time": (
        ["2026-03-04T12:00:00.000000Z", "0000-12-31T23:59:59.999999Z", "9999-02-31T00:00:00.000001Z"],
        [
            "2026-03-04T12:00:00Z",
            "2026-03-04T12:00:00.000Z",
            "2026-03-04T12:00:00.000000+00:00",
            "2026-13-04T12:00:00.000000Z",
            "2026-03-32T12:00:00.000000Z",
            "2026-03-04T24:00:00.000000Z",
            "2026-03-04T12:00:60.000000Z",
            "2026-03-04 12:00:00.000000Z",
            "2026-03-04t12:00:00.000000z",
        ],
    ),
    "decimal": (
        ["0", "-0", "007", "0.913", "1e-07", "1e400", "-1.5e999", "NaN", "Infinity", "-Infinity", "1" * 40],
        ["", "+1", ".5", "1.", "1e+5", "1E5", "1e", "1e1000", "nan", "-NaN", "1 ", "0x1", "1" * 41],
    ),
    "origin": (
        ["example.org/vectors", "localhost:8080/a/b", "a/B", "acme/credit.risk_2"],
        ["example.org", "Example.org/a", "https://example.org/a", "example.org/", "example.org:/a", "example.org:123456/a", "-a/b"],
    ),
    "mapKey": (["a", " ", "~", "drop duplicates", "k" * 128], ["", "é", "a\tb", "\u007f", "k" * 129]),
    "clearText": (
        ["auc", "0.5", "-0.5", "-1e-7", "-Infinity", "a/b", "-" + "1" * 39, "-1e400", "-1e-099"],
        ["", "two words", "-", "--1", "-1.", "+1", "-1e+5", "-" + "1" * 40, "-1e401", "x" * 129],
    ),
    "control": (["eu-ai-act:10(2)(b)", "iso42001:A.7.5", "a:1"], ["eu ai act:10", "EU:1", ":1", "a:", "a:1 2", "a:" + "1" * 65]),
    "clause": (["2(g)", "A.7.5"], ["", "2 (g)", "1" * 65]),
    "mediaType": (
        ["application/pdf", "application/vnd.cyclonedx+json"],
        ["application", "Application/pdf", "text/plain; charset=utf-8"],
    ),
    "eventName": (
        ["model.registered", "corrective_action.taken"],
        ["model", "Model.registered", "model.registered.v1", "model._x"],
    ),
    "country": (["DE"], ["de", "DEU", "D"]),
    "signature": (["A" * 86 + "=="], ["A" * 85 + "B==", "A" * 86, "A" * 88]),
    "commitment": (["A" * 43], ["A" * 42 + "B", "A" * 43 + "=", "A" * 42]),
    "salt": (["A" * 22], ["A" * 21 + "B", "A" * 22 + "==", "A" * 21]),
    "subjectName": (["credit-risk", "parameter/version/0:x"], ["", "/a", "a b", "a" * 513]),
    "stream": (
        [
            "policy",
            "protocol",
            "actor/ada",
            "model/a/b",
            "data/" + "0" * 64,
            "run/019cadc6-9a80-7001-8000-000000000001",
            "deployment/production/a/b",
            "parameter/version/" + "0" * 64 + "/" + "1" * 64,
            "parameter/deployment/p/a/b/" + "1" * 64,
        ],
        ["", "policy/x", "actor/a/b", "version/x", "run/1", "deployment/production", "parameter/model/x/" + "1" * 64, "unknown/x"],
    ),
}
