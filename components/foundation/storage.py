"""Files by URI: local paths and `s3://bucket/key` with any endpoint.

Region, endpoint and credentials come from boto3's usual environment variables and files. Requests are retried
a bounded number of times by botocore; what then still fails is told in one line.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from components.foundation.errors import UserError

_BLOCK = 1 << 20


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


def is_s3(uri: str) -> bool:
    return uri.startswith("s3://")


def version(uri: str) -> str:
    """What stands at a file or folder now, as a plain string that changes with any byte of it.

    Local: a sha256 over names and contents. S3: a JSON object of every key's version id (or ETag).
    """
    if is_s3(uri):
        return json.dumps(_s3_listing(uri), sort_keys=True)
    path = Path(uri).expanduser()
    if not os.path.exists(path):  # unlike Path.exists, it takes a path that is too long for a missing one
        raise UserError(f"{uri}: no such file or folder; check the path, or use s3://bucket/key")
    return f"sha256:{_digest(path)}"


def fetch(uri: str, expected: str, scratch: Path) -> Path:
    """A local path with exactly the `expected` version: local files in place, S3 objects copied below `scratch`."""
    if is_s3(uri):
        return _s3_fetch(uri, json.loads(expected), scratch)
    if version(uri) != expected:
        raise UserError(f"{uri}: it changed after this run looked it up; start the run again")
    return Path(uri).expanduser()


def _digest(path: Path) -> str:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(path.parent if path.is_file() else path).as_posix().encode() + b"\0")
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def _s3_client() -> Any:
    import boto3
    from botocore.config import Config

    retries = {"mode": "standard", "total_max_attempts": 5}
    return boto3.client("s3", config=Config(retries=retries, connect_timeout=10, read_timeout=60))


@contextmanager
def _s3_errors(uri: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        advice = {
            "NoSuchBucket": "no such bucket; check the name and AWS_ENDPOINT_URL",
            "NoSuchKey": "no such object; check the key",
            "404": "no such object; check the key",
            "AccessDenied": "access denied; the credentials need s3:GetObject and s3:ListBucket",
            "403": "access denied; the credentials need s3:GetObject and s3:ListBucket",
            "412": "it changed after this run looked it up; start the run again",
            "PreconditionFailed": "it changed after this run looked it up; start the run again",
            "ExpiredToken": "the credentials have expired; renew them",
            "InvalidAccessKeyId": "unknown access key; check AWS_ACCESS_KEY_ID",
            "SignatureDoesNotMatch": "wrong secret key; check AWS_SECRET_ACCESS_KEY",
        }.get(code, f"S3 answered {code or error}")
        raise UserError(f"{uri}: {advice}") from error
    except BotoCoreError as error:
        raise UserError(f"{uri}: {error}; check AWS_ENDPOINT_URL, the region and the credentials") from error


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket:
        raise UserError(f"{uri}: found no bucket, expected s3://bucket/key")
    return bucket, key.lstrip("/")


def _s3_listing(uri: str) -> dict[str, dict[str, str]]:
    bucket, prefix = _split(uri)
    with _s3_errors(uri):
        client = _s3_client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        folder = prefix.rstrip("/") + "/" if prefix else ""
        wanted = [key for key in keys if not key.endswith("/") and (key == prefix or key.startswith(folder))]
        if not wanted:
            raise UserError(f"{uri}: no such object; check the key")
        return {key: _s3_version(client, bucket, key) for key in wanted}


def _s3_version(client: Any, bucket: str, key: str) -> dict[str, str]:
    head = client.head_object(Bucket=bucket, Key=key)
    found = {"etag": head["ETag"], "version_id": head.get("VersionId", "null")}
    return {name: value for name, value in found.items() if value != "null"}


def _s3_fetch(uri: str, listing: dict[str, dict[str, str]], scratch: Path) -> Path:
    bucket, prefix = _split(uri)
    single = list(listing) == [prefix]
    root = scratch / PurePosixPath(prefix).name if not single else scratch
    with _s3_errors(uri):
        client = _s3_client()
        for key, found in listing.items():
            if ".." in PurePosixPath(key).parts:
                raise UserError(f"{uri}: found .. in an object's key ({key}), expected plain names; rename the object")
            name = PurePosixPath(key).name if single else str(PurePosixPath(key).relative_to(prefix.rstrip("/") or "."))
            _s3_download(client, bucket, key, found, root / name)
    return root / PurePosixPath(prefix).name if single else root


def _s3_download(client: Any, bucket: str, key: str, found: dict[str, str], target: Path) -> None:
    pinned = {"VersionId": found["version_id"]} if "version_id" in found else {"IfMatch": found["etag"]}
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        answer = client.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED", **pinned)
        with partial.open("wb") as stream:
            shutil.copyfileobj(answer["Body"], stream, _BLOCK)
        if partial.stat().st_size != answer["ContentLength"]:
            raise UserError(f"s3://{bucket}/{key}: the answer was cut short; run again")
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
