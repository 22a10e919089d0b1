"""DAWproject's own schemas, where they are at hand: they are not part of this project."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

#: Project.xsd and MetaData.xsd of bitwig/dawproject
SCHEMAS = Path(os.environ.get("HITPOINT_DAWPROJECT", Path(__file__).parents[4] / "shared" / "dawproject"))


def validate(xml: Path, schema: str) -> None:
    """Fail unless `xml` fits Project.xsd or MetaData.xsd; skip where the schema or a program that checks is missing."""
    rules = SCHEMAS / schema
    if not rules.is_file():
        pytest.skip(f"no schema {rules} (set HITPOINT_DAWPROJECT)")
    if importlib.util.find_spec("xmlschema") is not None:
        importlib.import_module("xmlschema").XMLSchema(str(rules)).validate(str(xml))
    elif shutil.which("xmllint") is not None:
        done = subprocess.run(["xmllint", "--noout", "--schema", rules, xml], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    else:
        pytest.skip("neither xmlschema (pip) nor xmllint (libxml2-utils) is installed")
