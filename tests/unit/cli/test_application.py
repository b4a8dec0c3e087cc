"""cli.application: the command tree and its edges."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from muniment.cli import application, exits
from muniment.core.proof.evidence import SplitView
from muniment.core.rules.policy import PolicyViolation
from muniment.errors import CaptureError, Conflict, CorruptStore, InvalidInput, MunimentError, NotFound, Unavailable, VerificationError

from .conftest import Call
