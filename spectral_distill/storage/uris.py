"""Files by URI, local paths and `s3://bucket/key`: what stands there now, a copy of it, and whole new folders.

S3 is imported where a URI asks for it, as boto3 takes a third of a second.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from spectral_distill.core.errors import UserError
from spectral_distill.core.extras import extras_named

_BLOCK = 1 << 20
_SUMS = "SHA256SUMS"


@contextmanager
def whole_folder(target: str | Path) -> Iterator[Path]:
    """A scratch folder beside `target` that takes its name when the block ends well, and vanishes otherwise."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield scratch
        if target.exists():
            shutil.rmtree(target)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_whole(target: str | Path, text: str) -> None:
    """Write a text file whole or not at all."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.partial")
    try:
        scratch.write_text(text, encoding="utf-8")
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)


def write_json(target: str | Path, values: Any) -> None:
    """Write a JSON file whole. kfp.local takes a task for uncached when an output, Metrics too, has no file."""
    write_whole(target, json.dumps(values, indent=2, allow_nan=False))


def _s3() -> ModuleType:
    """The module of S3, which needs the extra `s3`."""
    with extras_named():
        from spectral_distill.storage import s3

        return s3


def is_s3(uri: str) -> bool:
    return uri.startswith("s3://")


def version(uri: str) -> str:
    """What stands at a file or folder now, as a plain string that changes with any byte of it.

    Local: a sha256 over names and contents. S3: a JSON object of every key's version id (or ETag).
    """
    if is_s3(uri):
        s3 = _s3()
        return json.dumps(s3.listing(uri), sort_keys=True)
    path = Path(uri).expanduser()
    if not os.path.exists(path):  # unlike Path.exists, it takes a path that is too long for a missing one
        raise UserError(f"{uri}: no such file or folder; check the path, or use s3://bucket/key")
    try:
        return f"sha256:{_digest(path)}"
    except PermissionError as error:
        raise UserError(f"{uri}: {error.filename} cannot be read; give the user that runs this the right to") from error


def fetch(uri: str, expected: str, scratch: Path) -> Path:
    """A local path with exactly the `expected` version: local files in place, S3 objects copied below `scratch`."""
    if is_s3(uri):
        s3 = _s3()
        return s3.fetch(uri, json.loads(expected), scratch)
    if version(uri) != expected:
        raise UserError(f"{uri}: it changed after this run looked it up; start the run again")
    return Path(uri).expanduser()


def check_writable(uri: str) -> None:
    """Refuse a folder or prefix that `publish` could not write to. Nothing is left in it."""
    if is_s3(uri):
        s3 = _s3()
        s3.check_writable(uri)
        return
    with _writing_to(uri):
        Path(uri).expanduser().mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryDirectory(dir=Path(uri).expanduser()).cleanup()


def publish(files: Mapping[str, Path], place: str, name: str) -> str:
    """Copy files into a new folder `<name>-<digest of all>` below a folder or prefix, whole or not at all: its URI.

    `files`: paths inside the new folder, and what to copy there. SHA256SUMS (as `sha256sum --check` reads it) comes
    last: S3 cannot rename, so there a folder is whole when it has this file, and a repeated upload completes it.
    What is there already is not written again.
    """
    sums = "".join(f"{_file_digest(path)}  {inside}\n" for inside, path in sorted(files.items()))
    root = place.rstrip("/") if is_s3(place) else Path(place).expanduser().resolve()
    target = f"{root}/{name}-{hashlib.sha256(sums.encode()).hexdigest()[:12]}"
    with tempfile.TemporaryDirectory() as scratch:
        last = Path(scratch) / _SUMS
        last.write_text(sums, encoding="utf-8")
        whole = {**files, _SUMS: last}
        if is_s3(target):
            s3 = _s3()
            if not s3.holds(f"{target}/{_SUMS}"):
                s3.upload(whole, target)
        else:
            _copy_all(whole, Path(target))
    return target


def _copy_all(files: Mapping[str, Path], target: Path) -> None:
    if target.exists():
        return
    with _writing_to(str(target)), whole_folder(target) as folder:
        for name, path in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)


@contextmanager
def _writing_to(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error


def _digest(path: Path) -> str:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(path.parent if path.is_file() else path).as_posix().encode() + b"\0")
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
