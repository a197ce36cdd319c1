"""An S3 server with two buckets, for the tests of storage."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.support.servers import s3_environment, s3_server


@pytest.fixture(scope="package")
def s3_url() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def s3(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of the server; the environment points the code under test at it too. Buckets vanish afterwards."""
    for name, value in s3_environment(s3_url).items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="plain")
    client.create_bucket(Bucket="versioned")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    yield client
    for bucket in ("plain", "versioned"):
        listing = client.list_object_versions(Bucket=bucket)
        for item in [*listing.get("Versions", []), *listing.get("DeleteMarkers", [])]:
            client.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
        client.delete_bucket(Bucket=bucket)


@pytest.fixture
def put(s3: Any) -> Callable[..., None]:
    """Put bytes at a URI."""

    def call(uri: str, content: bytes, **options: Any) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        s3.put_object(Bucket=bucket, Key=key, Body=content, **options)

    return call


@pytest.fixture
def objects(s3: Any) -> Callable[[str], dict[str, bytes]]:
    """What a bucket holds, by key."""

    def call(bucket: str) -> dict[str, bytes]:
        listing = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {item["Key"]: s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in listing}

    return call


@pytest.fixture
def files() -> Callable[[Path], dict[str, bytes]]:
    """What a folder holds, by path."""
    return lambda folder: {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
