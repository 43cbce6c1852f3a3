"""What a maintainer relies on beside the package: scripts and their twins for Windows, hooks, workflow, versions."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SCRIPTS = ROOT / "scripts"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    """The one job of the workflow."""
    workflow = yaml.safe_load(read(".github/workflows/ci.yml"))
    assert {"push", "pull_request"} == workflow[True].keys()  # YAML 1.1 reads `on` as a truth value
    (only,) = workflow["jobs"].values()
    return dict(only)


def test_workflow_calls_the_scripts_that_there_are(job: dict[str, Any]) -> None:
    called: dict[str, list[str]] = {"Windows": [], "others": []}
    for step in job["steps"]:
        if "run" in step:
            windows = step["if"] == "runner.os == 'Windows'"
            assert windows or step["if"] == "runner.os != 'Windows'"
            assert step.get("shell") == ("cmd" if windows else None)
            called["Windows" if windows else "others"].append(step["run"])
    assert called["others"] == ["scripts/quickstart", "scripts/test"]
    assert called["Windows"] == [rf"{script.replace('/', chr(92))}.cmd" for script in called["others"]]
    for script in called["others"]:
        assert os.access(ROOT / script, os.X_OK) and (ROOT / f"{script}.cmd").is_file()


def test_workflow_requires_the_versions_that_the_package_names(job: dict[str, Any]) -> None:
    versions = job["strategy"]["matrix"]["python"]
    assert all(isinstance(version, str) for version in versions)  # 3.10 would be 3.1
    untried = re.findall(r"matrix\.python == '([\d.]+)'", job["continue-on-error"])
    named = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", name)]
    assert [version for version in versions if version not in untried] == named
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_scripts_for_windows_are_like_the_others() -> None:
    for script in ("setup", "quickstart", "test"):
        raw = (SCRIPTS / f"{script}.cmd").read_bytes()
        assert raw.count(b"\r\n") == raw.count(b"\n") and raw.startswith(b"@echo off\r\n")
        assert raw.isascii()
    pip = re.compile(r"(-m pip install .*? --constraint constraints\.txt)")
    pytest_options = re.compile(r"-m pytest (.*?) [\"%]")
    assert pip.findall(read("scripts/setup.cmd")) == pip.findall(read("scripts/setup"))
    assert pytest_options.findall(read("scripts/test.cmd")) == pytest_options.findall(read("scripts/test"))
    assert read("scripts/quickstart.cmd").splitlines()[-2].partition(" ")[2] in read("scripts/quickstart")


def test_hooks_are_tools_of_the_environment_and_nobody_elses() -> None:
    hooks = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert [repository["repo"] for repository in hooks] == ["local"]
    commands = [hook["entry"].split() for hook in hooks[0]["hooks"]]
    assert [command[:2] for command in commands[:2]] == [[".venv/bin/ruff", "check"], [".venv/bin/ruff", "format"]]
    assert commands[2] == [".venv/bin/mypy"]


def test_every_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    pins = {
        pin.name: pin for line in read("constraints.txt").splitlines() if line[:1] != "#" for pin in [Requirement(line)]
    }
    wanted = [
        *PROJECT["dependencies"],
        *(line for extra in PROJECT["optional-dependencies"].values() for line in extra),
    ]
    assert {name.replace("_", "-") for name in pins} == {Requirement(line).name.replace("_", "-") for line in wanted}
    for requirement in map(Requirement, wanted):
        (pinned,) = pins[requirement.name].specifier
        assert pinned.operator == "==" and requirement.specifier.contains(pinned.version), requirement


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the script and nothing that it calls."""
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "release"
    script.write_bytes((SCRIPTS / "release").read_bytes())
    script.chmod(0o755)
    (tmp_path / "scripts" / "setup").write_text("#!/bin/sh\necho set up\nexit 3\n")
    (tmp_path / "scripts" / "setup").chmod(0o755)
    for command in ("init -q", "add .", "-c user.name=n -c user.email=e commit -q -m all"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
    return tmp_path


def test_a_release_is_made_of_what_is_committed(checkout: Path) -> None:
    def release(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [checkout / "scripts" / "release", *arguments], capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stdout, done.stderr

    assert release("--dry-run") == (3, "set up\n", "")  # it goes on from a clean tree
    assert release("--upload")[::2] == (1, "error: there is no option --upload\nhint: scripts/release [--dry-run]\n")
    (checkout / "new").touch()
    code, out, err = release("--dry-run")
    assert (code, out, err.splitlines()[0]) == (1, "", "error: the working tree is not clean")
