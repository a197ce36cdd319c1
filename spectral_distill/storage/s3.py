"""S3 objects: list versions, download with checksums, upload.

Region, endpoint, addressing style, credentials and the number of attempts come from boto3's usual environment variables
and files. Transient errors that remain after boto3's attempts are retried with growing pauses (see `waiting`); all
errors are reported in one line.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore import exceptions
from botocore.config import Config
from botocore.retries.standard import DEFAULT_MAX_ATTEMPTS

from spectral_distill.core.errors import UserError
from spectral_distill.core.waiting import Unavailable, patiently

_BLOCK = 1 << 20
_READ_TIMEOUT_S = 30
_TRANSFER = TransferConfig(multipart_threshold=64 << 20, multipart_chunksize=16 << 20, max_concurrency=4)
# One checksum for the full object, also for multipart uploads, so that every later download can check it.
_CHECKSUM = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
_READING = "s3:ListBucket and s3:GetObject (s3:GetObjectVersion in a versioned bucket)"
_WRITING = "s3:PutObject and s3:AbortMultipartUpload"

_BROKEN_BODY = (
    exceptions.ReadTimeoutError,
    exceptions.ResponseStreamingError,
    exceptions.IncompleteReadError,
    exceptions.FlexibleChecksumError,
)

_PASSING = (
    exceptions.ConnectionError,  # refused or reset, names that do not resolve
    exceptions.HTTPClientError,  # timeouts, truncated bodies
    exceptions.IncompleteReadError,
)
_PASSING_CODES = ("SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "RequestLimitExceeded")

Answer = TypeVar("Answer")

_CHANGED = "it changed after this run looked it up; start the run again"
_EXPIRED = "the credentials have expired; renew them"
_ELSEWHERE = "the bucket is in another region; set AWS_DEFAULT_REGION to the bucket's"
_CODES = {
    "NoSuchBucket": "no such bucket; check the name and AWS_ENDPOINT_URL",
    "NoSuchKey": "no such object; check the key",
    "NoSuchVersion": "this version of the object was deleted; start the run again",
    "404": "no such object; check the key",
    "412": _CHANGED,
    "PreconditionFailed": _CHANGED,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "InvalidAccessKeyId": "unknown access key; check AWS_ACCESS_KEY_ID",
    "InvalidToken": "unknown session token; check AWS_SESSION_TOKEN",
    "SignatureDoesNotMatch": "wrong secret key; check AWS_SECRET_ACCESS_KEY",
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it",
    "PermanentRedirect": _ELSEWHERE,
    "301": _ELSEWHERE,
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "IllegalLocationConstraintException": _ELSEWHERE,
}
_DENIED = ("AccessDenied", "403", "Forbidden", "AllAccessDisabled")
_FAULTS: dict[type[Exception] | tuple[type[Exception], ...], str] = {
    (exceptions.NoCredentialsError, exceptions.PartialCredentialsError): "no credentials; set AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, a profile, or a role",
    exceptions.ReadTimeoutError: "the answer took too long, repeatedly; try again later",
    (exceptions.ResponseStreamingError, exceptions.IncompleteReadError): "the answer was cut short, repeatedly; "
    "try again later",
    exceptions.FlexibleChecksumError: "what arrived does not have the object's checksum, repeatedly; check the network "
    "and the server",
}


def listing(uri: str) -> dict[str, dict[str, str]]:
    """List the objects at a key or below a prefix.

    Args:
        uri: `s3://bucket/key` or `s3://bucket/prefix`.

    Returns:
        By key, the `etag`, and the `version_id` where the bucket keeps versions.

    Raises:
        UserError: No object exists there, or access fails.
    """
    bucket, prefix = _split(uri)

    def look_up() -> dict[str, dict[str, str]]:
        client = _client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        folder = prefix.rstrip("/") + "/" if prefix else ""
        wanted = [key for key in keys if not key.endswith("/") and (key == prefix or key.startswith(folder))]
        if not wanted:
            raise UserError(f"{uri}: no such object; check the key")
        return {key: _version(client, bucket, key) for key in wanted}

    return _ask(uri, _READING, look_up)


def fetch(uri: str, listed: Mapping[str, Mapping[str, str]], scratch: Path) -> Path:
    """Download the listed versions.

    Args:
        uri: The key or prefix that was listed.
        listed: The result of `listing`.
        scratch: Local folder for the copies.

    Returns:
        The path of the downloaded file or folder.

    Raises:
        UserError: An object changed since it was listed, has an unsafe key, or cannot be read.
    """
    bucket, prefix = _split(uri)
    single = list(listed) == [prefix]
    root = scratch / PurePosixPath(prefix).name if not single else scratch
    client = _ask(uri, _READING, _client)
    for key, found in listed.items():
        if ".." in PurePosixPath(key).parts:
            raise UserError(f"{uri}: found .. in an object's key ({key}), expected plain names; rename the object")
        name = PurePosixPath(key).name if single else str(PurePosixPath(key).relative_to(prefix.rstrip("/") or "."))
        _ask(uri, _READING, partial(_download, client, bucket, key, found, root / name))
    return root / PurePosixPath(prefix).name if single else root


def holds(uri: str) -> bool:
    """Check whether an object exists.

    Without the permission s3:ListBucket, S3 answers "denied" for a missing object. Such an answer counts as "does not
    exist".

    Args:
        uri: `s3://bucket/key`.

    Returns:
        Whether the object exists.

    Raises:
        UserError: S3 does not answer.
    """
    bucket, key = _split(uri)

    def look_up() -> bool:
        try:
            _client().head_object(Bucket=bucket, Key=key)
        except exceptions.ClientError as error:
            if _status(error) not in (403, 404):
                raise
            return False
        return True

    return _ask(uri, _WRITING, look_up)


def upload(files: Mapping[str, Path], uri: str) -> None:
    """Upload files below a prefix, in the order of the mapping. Failed multipart uploads leave no parts behind.

    Args:
        files: Local path by the name below the prefix.
        uri: `s3://bucket/prefix`.

    Raises:
        UserError: A file cannot be written.
    """
    bucket, prefix = _split(uri)
    client = _ask(uri, _WRITING, _client)
    for name, path in files.items():
        _ask(uri, _WRITING, partial(_upload, client, path, bucket, f"{prefix}/{name}"))


def check_writable(uri: str) -> None:
    """Check that a prefix can be written to. It starts and aborts a multipart upload, which leaves no object behind.

    Args:
        uri: `s3://bucket/prefix`.

    Raises:
        UserError: The prefix cannot be written to.
    """
    bucket, prefix = _split(uri)
    probe = {"Bucket": bucket, "Key": f"{prefix.rstrip('/')}/.probe".lstrip("/")}

    def start_and_abort() -> None:
        client = _client()
        started = client.create_multipart_upload(**probe)
        client.abort_multipart_upload(**probe, UploadId=started["UploadId"])

    _ask(uri, _WRITING, start_and_abort)


def is_passing(error: BaseException | None) -> bool:
    """Check whether an error of boto3 is transient, so that a retry may succeed.

    Args:
        error: The error, or None.

    Returns:
        Whether S3 is unreachable, answers with a server error, or limits the request rate.
    """
    if isinstance(error, S3UploadFailedError):
        return is_passing(error.__context__)
    if isinstance(error, exceptions.ClientError):
        return _status(error) >= 500 or _status(error) == 429 or error.response["Error"].get("Code") in _PASSING_CODES
    return isinstance(error, _PASSING) and not isinstance(error, exceptions.SSLError)


def _ask(uri: str, permissions: str, request: Callable[[], Answer]) -> Answer:
    """Retry while S3 is unavailable; report the final error in one line."""

    def attempt() -> Answer:
        with _one_line(uri, permissions):
            return request()

    return patiently(attempt)


def _client() -> Any:
    try:
        return boto3.Session().client("s3", config=Config(connect_timeout=10, read_timeout=_READ_TIMEOUT_S))
    except exceptions.BotoCoreError:
        raise
    except ValueError as error:  # botocore raises it for an endpoint that is no URL
        raise UserError(f"S3: {error}; check AWS_ENDPOINT_URL") from error


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket:
        raise UserError(f"{uri}: found no bucket, expected s3://bucket/key")
    return bucket, key.lstrip("/")


def _version(client: Any, bucket: str, key: str) -> dict[str, str]:
    head = client.head_object(Bucket=bucket, Key=key)
    found = {"etag": head["ETag"], "version_id": head.get("VersionId", "null")}
    return {name: value for name, value in found.items() if value != "null"}


def _upload(client: Any, path: Path, bucket: str, key: str) -> None:
    with path.open("rb") as stream:
        client.upload_fileobj(stream, bucket, key, ExtraArgs=dict(_CHECKSUM), Config=_TRANSFER)


def _download(client: Any, bucket: str, key: str, found: Mapping[str, str], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.partial")
    pinned = {"VersionId": found["version_id"]} if "version_id" in found else {"IfMatch": found["etag"]}
    try:
        _copy_body(client, {"Bucket": bucket, "Key": key, "ChecksumMode": "ENABLED", **pinned}, scratch)
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)


def _copy_body(client: Any, request: dict[str, str], target: Path) -> None:
    """Retry truncated and corrupted bodies as often as botocore retries requests; botocore itself does not."""
    attempts = client.meta.config.retries.get("total_max_attempts", DEFAULT_MAX_ATTEMPTS)
    for attempt in range(1, attempts + 1):
        body = client.get_object(**request)["Body"]
        try:
            with target.open("wb") as stream:
                shutil.copyfileobj(body, stream, _BLOCK)
            return
        except _BROKEN_BODY:
            if attempt == attempts:
                raise


@contextmanager
def _one_line(uri: str, permissions: str) -> Iterator[None]:
    try:
        yield
    except exceptions.ClientError as error:
        raise _kind(error)(f"{uri}: {_explain(error, permissions)}") from error
    except exceptions.BotoCoreError as error:
        known = next((line for kinds, line in _FAULTS.items() if isinstance(error, kinds)), None)
        raise _kind(error)(f"{uri}: {known or f'{error}; check AWS_ENDPOINT_URL, region and network'}") from error


def _kind(error: Exception) -> type[UserError]:
    return Unavailable if is_passing(error) else UserError


def _status(error: exceptions.ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def _explain(error: exceptions.ClientError, permissions: str) -> str:
    code, status = error.response["Error"].get("Code", ""), _status(error)
    if code in _DENIED:
        return f"access denied; the credentials need {permissions}"
    if status >= 500 or code == "SlowDown":
        attempts = error.response["ResponseMetadata"].get("RetryAttempts", 0) + 1
        return f"S3 answered {code} (HTTP {status}), {attempts} times; try again later, or raise AWS_MAX_ATTEMPTS"
    return _CODES.get(code, f"S3 answered {code or status} ({error.response['Error'].get('Message', '')})")


class NoCredentials(UserError):
    """This machine has no credentials for S3."""


def check_server(timeout_s: float) -> str:
    """Send one request to the S3 server with this machine's credentials.

    Args:
        timeout_s: Timeout of the connection, and of the answer, in seconds.

    Returns:
        What the server answered, in one line.

    Raises:
        NoCredentials: This machine has no credentials.
        UserError: The server does not answer, or rejects the credentials.
    """
    session = boto3.Session()
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    address = urlsplit(endpoint)
    shown = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl() or "Amazon's own server"
    if session.get_credentials() is None:
        raise NoCredentials("no credentials on this machine (AWS_ACCESS_KEY_ID, a profile or a role)")
    config = Config(connect_timeout=timeout_s, read_timeout=timeout_s, retries={"total_max_attempts": 2})
    try:
        session.client("s3", config=config).list_buckets()
    except exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("AccessDenied", "403"):
            return f"{shown} answers; these credentials may not list buckets"
        raise UserError(f"found {code} at {shown}, expected an answer; correct this machine's credentials") from error
    except (exceptions.BotoCoreError, ValueError) as error:
        raise UserError(
            f"found no answer at {shown} ({type(error).__name__}); check AWS_ENDPOINT_URL and the server"
        ) from error
    return f"{shown} answers, asked from this machine with its credentials"
