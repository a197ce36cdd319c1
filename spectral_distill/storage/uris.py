"""Files by URI, local paths and `s3://bucket/key`: versions, downloads, atomic directories, uploads.

The S3 module is imported only when a URI needs it, because boto3 takes a third of a second to import.
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
    """Write an atomic directory: all of it appears, or nothing.

    Args:
        target: The directory. An existing one is replaced.

    Yields:
        A scratch directory beside `target`. It is renamed to `target` when the block succeeds, and removed when it
        fails.
    """
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
    """Write a text file atomically.

    Args:
        target: The file. Missing parent directories are created.
        text: Its content, written as UTF-8.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.partial")
    try:
        scratch.write_text(text, encoding="utf-8")
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)


def write_json(target: str | Path, values: Any) -> None:
    """Write a JSON file atomically.

    Every output of a component needs a file, Metrics included: kfp.local does not cache a task that lacks one.

    Args:
        target: The file.
        values: JSON-serialisable values; NaN and infinity are refused.

    Raises:
        ValueError: A value is NaN or infinite.
    """
    write_whole(target, json.dumps(values, indent=2, allow_nan=False))


def _s3() -> ModuleType:
    """Import the S3 module, which needs the extra `s3`."""
    with extras_named():
        from spectral_distill.storage import s3

        return s3


def is_s3(uri: str) -> bool:
    """Check whether a URI is one of S3.

    Args:
        uri: A local path or URI.

    Returns:
        Whether it starts with `s3://`.
    """
    return uri.startswith("s3://")


def version(uri: str) -> str:
    """Identify the present content of a file or folder.

    Args:
        uri: A local path or `s3://bucket/key`.

    Returns:
        A string that changes with any byte. Local: a sha256 over names and contents. S3: a JSON object with the version
        id (or ETag) of every key.

    Raises:
        UserError: It does not exist or cannot be read.
    """
    if is_s3(uri):
        s3 = _s3()
        return json.dumps(s3.listing(uri), sort_keys=True)
    path = Path(uri).expanduser()
    if not os.path.exists(path):  # unlike Path.exists, it treats a path that is too long as missing
        raise UserError(f"{uri}: no such file or folder; check the path, or use s3://bucket/key")
    try:
        return f"sha256:{_digest(path)}"
    except PermissionError as error:
        raise UserError(f"{uri}: {error.filename} cannot be read; give the user that runs this the right to") from error


def fetch(uri: str, expected: str, scratch: Path) -> Path:
    """Provide a file or folder locally, in the expected version.

    Args:
        uri: A local path or `s3://bucket/key`.
        expected: The result of `version` when the run started.
        scratch: Local folder for downloads.

    Returns:
        The local path: of the file itself for local URIs, below `scratch` for S3.

    Raises:
        UserError: The content changed, or cannot be read.
    """
    if is_s3(uri):
        s3 = _s3()
        return s3.fetch(uri, json.loads(expected), scratch)
    if version(uri) != expected:
        raise UserError(f"{uri}: it changed after this run looked it up; start the run again")
    return Path(uri).expanduser()


def check_writable(uri: str) -> None:
    """Check that `publish` can write to a folder or prefix. Nothing is left in it.

    Args:
        uri: A local folder or `s3://bucket/prefix`.

    Raises:
        UserError: It cannot be written to.
    """
    if is_s3(uri):
        s3 = _s3()
        s3.check_writable(uri)
        return
    with _writing_to(uri):
        Path(uri).expanduser().mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryDirectory(dir=Path(uri).expanduser()).cleanup()


def publish(files: Mapping[str, Path], place: str, name: str) -> str:
    """Copy files into a new atomic directory `<name>-<digest>` below a folder or prefix.

    SHA256SUMS (in the format of `sha256sum --check`) is written last. S3 cannot rename, so a directory there is
    complete when it holds this file, and a repeated upload completes it. Files that exist already are not written
    again.

    Args:
        files: Source path by the path inside the new directory.
        place: Local folder or `s3://bucket/prefix` that gets the directory.
        name: First part of the directory's name; the digest of all files follows.

    Returns:
        The URI of the new directory.

    Raises:
        UserError: It cannot be written.
    """
    sums = "".join(f"{_file_digest(path)}  {inside}\n" for inside, path in sorted(files.items()))
    root = place.rstrip("/") if is_s3(place) else Path(place).expanduser().resolve()
    target = f"{root}/{name}-{hashlib.sha256(sums.encode()).hexdigest()[:12]}"
    with tempfile.TemporaryDirectory() as scratch:
        last = Path(scratch) / _SUMS
        last.write_text(sums, encoding="utf-8")
        complete = {**files, _SUMS: last}
        if is_s3(target):
            s3 = _s3()
            if not s3.holds(f"{target}/{_SUMS}"):
                s3.upload(complete, target)
        else:
            _copy_all(complete, Path(target))
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
