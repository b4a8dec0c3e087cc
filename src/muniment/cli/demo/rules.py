"""The rules of the demo's ledger: a policy file as a small team would write it. It lies in the demo's folder, to be read."""

from __future__ import annotations

from muniment.cli.demo.release import PRODUCTION, REQUIRED, WEST

APPROVER = "approver"

_ASKED = f"""\
# Two approvers, neither of whom trained it or deploys it, whichever account or service they act through.
approvals = {{ {APPROVER} = 2 }}
separation = ["deployer", "trainer"]
# Measured on data that it did not learn from.
evaluations = ["accuracy >= {REQUIRED} on test"]
"""

TEXT = f"""\
# The rules of this demo's ledger. They are its first entry, and the ledger refuses whatever does not meet them.
# `muniment policy show` prints those in force; `muniment policy check policy.toml` looks at this file.

# Whoever founds the ledger: Ada.
founder = ["owner"]

# Other rules take the place of these once two approvers have agreed to them: Ada alone changes nothing.
amendment = {{ {APPROVER} = 2 }}

# Who may stop a version, and let it go on.
hold-roles = ["owner"]

[roles]
owner = ["*"]
{APPROVER} = ["approval.decided", "note.added"]
# The ledger's own service.
node = ["attempt.refused", "deployment.observed", "disclosure.made"]

# What a version must have before it may run here.
[environments.{PRODUCTION}]
{_ASKED}
# A second hospital asks for the same.
[environments.{WEST}]
{_ASKED}"""
