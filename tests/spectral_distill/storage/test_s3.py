"""S3 over HTTP: versions follow contents, fetches give exactly the version, folders are written whole."""

import base64
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spectral_distill.core.errors import UserError
from spectral_distill.storage import uris as storage
from tests.support.faulty_proxy import FaultyProxy, faulty_proxy

Put = Callable[..., None]
Files = Callable[[Path], dict[str, bytes]]
Objects = Callable[[str], dict[str, bytes]]


@pytest.mark.parametrize("bucket", ["plain", "versioned"])
def test_an_objects_version_follows_its_bytes(bucket: str, put: Put) -> None:
    put(f"s3://{bucket}/data.csv", b"one")
    before = storage.version(f"s3://{bucket}/data.csv")
    assert storage.version(f"s3://{bucket}/data.csv") == before
    put(f"s3://{bucket}/data.csv", b"two")
    assert storage.version(f"s3://{bucket}/data.csv") != before


def test_a_prefixs_version_follows_its_objects(put: Put) -> None:
    put("s3://plain/data/train.csv", b"one")
    before = storage.version("s3://plain/data")
    put("s3://plain/database/other.csv", b"no part of the folder")
    assert storage.version("s3://plain/data") == before
    put("s3://plain/data/test.csv", b"two")
    assert storage.version("s3://plain/data") != before


@pytest.mark.parametrize("key", ["data.csv", "deep/er/data.csv", "with blank/a#b?c=d%20.csv", "ümlaut.csv"])
def test_a_single_object_is_fetched_under_its_name(tmp_path: Path, key: str, files: Files, put: Put) -> None:
    put(f"s3://plain/{key}", b"a,b\n1,2\n")
    path = storage.fetch(f"s3://plain/{key}", storage.version(f"s3://plain/{key}"), tmp_path)
    assert path.name == key.rpartition("/")[2]
    assert path.read_bytes() == b"a,b\n1,2\n"
    assert list(files(tmp_path)) == [path.name]


@pytest.mark.parametrize("uri", ["s3://plain/sets/one", "s3://plain/sets/one/"])
def test_a_prefix_is_fetched_as_a_folder(tmp_path: Path, uri: str, files: Files, put: Put) -> None:
    objects = {"train.csv": b"1", "test.csv": b"2", "deep/notes.txt": b"3"}
    for name, content in objects.items():
        put(f"s3://plain/sets/one/{name}", content)
    put("s3://plain/sets/one-more/train.csv", b"another folder")
    put("s3://plain/sets/one/empty/", b"")
    assert files(storage.fetch(uri, storage.version(uri), tmp_path)) == objects


def test_a_whole_bucket_is_a_folder(tmp_path: Path, files: Files, put: Put) -> None:
    put("s3://plain/train.csv", b"1")
    put("s3://plain/deep/test.csv", b"2")
    assert files(storage.fetch("s3://plain", storage.version("s3://plain"), tmp_path)) == {
        "train.csv": b"1",
        "deep/test.csv": b"2",
    }


@pytest.mark.parametrize("uri", ["s3://versioned/data/train.csv", "s3://versioned/data"])
def test_a_versioned_bucket_gives_what_was_looked_up(tmp_path: Path, uri: str, put: Put) -> None:
    put("s3://versioned/data/train.csv", b"then")
    then = storage.version(uri)
    put("s3://versioned/data/train.csv", b"now")
    path = storage.fetch(uri, then, tmp_path)
    assert (path / "train.csv" if path.is_dir() else path).read_bytes() == b"then"


def test_a_versioned_bucket_gives_what_was_deleted_since(s3: Any, tmp_path: Path, put: Put) -> None:
    put("s3://versioned/data.csv", b"then")
    then = storage.version("s3://versioned/data.csv")
    s3.delete_object(Bucket="versioned", Key="data.csv")
    assert storage.fetch("s3://versioned/data.csv", then, tmp_path).read_bytes() == b"then"


def test_an_unversioned_object_that_changed_is_refused(tmp_path: Path, files: Files, put: Put) -> None:
    put("s3://plain/data.csv", b"then")
    then = storage.version("s3://plain/data.csv")
    put("s3://plain/data.csv", b"now")
    with pytest.raises(UserError, match=r"s3://plain/data\.csv: it changed after this run looked it up"):
        storage.fetch("s3://plain/data.csv", then, tmp_path)
    assert files(tmp_path) == {}


def test_an_unversioned_object_that_went_is_refused(s3: Any, tmp_path: Path, files: Files, put: Put) -> None:
    put("s3://plain/data.csv", b"then")
    then = storage.version("s3://plain/data.csv")
    s3.delete_object(Bucket="plain", Key="data.csv")
    with pytest.raises(UserError, match=r"s3://plain/data\.csv: no such object"):
        storage.fetch("s3://plain/data.csv", then, tmp_path)
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    ("uri", "answer"),
    [
        ("s3://no-such-bucket/data.csv", "no such bucket; check the name and AWS_ENDPOINT_URL"),
        ("s3://plain/missing.csv", "no such object; check the key"),
        ("s3://plain/dat", "no such object; check the key"),
        ("s3://plain", "no such object; check the key"),
        ("s3://", "found no bucket, expected s3://bucket/key"),
        ("s3:///data.csv", "found no bucket, expected s3://bucket/key"),
        ("s3://not a bucket/data.csv", "Invalid bucket name"),
    ],
)
def test_what_s3_does_not_hold_is_refused_in_one_line(uri: str, answer: str, put: Put) -> None:
    if uri == "s3://plain/dat":
        put("s3://plain/data.csv", b"its name only begins so")
    with pytest.raises(UserError) as refusal:
        storage.version(uri)
    assert str(refusal.value).startswith(f"{uri}: ")
    assert answer in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_key_never_leads_out_of_the_scratch_folder(tmp_path: Path, files: Files, put: Put) -> None:
    put("s3://plain/data/train.csv", b"1")
    listing = storage.version("s3://plain/data").replace("data/train.csv", "data/../../train.csv")
    with pytest.raises(UserError, match=r"found \.\. in an object's key"):
        storage.fetch("s3://plain/data", listing, tmp_path / "deep" / "scratch")
    assert files(tmp_path) == {}


# Ways to reach a bucket


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_buckets_are_named_in_the_path_or_in_the_host(
    s3: Any, s3_url: str, put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    """The proxy stands for the name service, which knows no `plain.objects`."""
    put("s3://plain/data.csv", b"1")
    config = tmp_path / "config"
    config.write_text(f"[default]\nregion = eu-west-3\ns3 =\n  addressing_style = {style}\n")
    with faulty_proxy(s3_url) as proxy:
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://objects")
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        uri = "s3://plain/data.csv"
        assert storage.fetch(uri, storage.version(uri), tmp_path).read_bytes() == b"1"
        hosts = {host for _, host, _ in proxy.seen}
    assert hosts == {"plain.objects" if style == "virtual" else "objects"}


# Writing


@pytest.fixture
def results(tmp_path: Path) -> dict[str, Path]:
    """A student of two files and a report, by their names where they are published."""
    (tmp_path / "student").mkdir()
    contents = {"student/model.safetensors": b"weights", "student/config.json": b"{}", "report.html": b"<p>"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in contents}


def test_a_published_folder_can_be_checked_and_fetched(
    objects: Objects, results: dict[str, Path], tmp_path: Path, files: Files
) -> None:
    uri = storage.publish(results, "s3://plain/students/", "best")
    prefix = uri.removeprefix("s3://plain/")
    held = objects("plain")
    assert set(held) == {f"{prefix}/{name}" for name in [*results, "SHA256SUMS"]}
    copy = storage.fetch(uri, storage.version(uri), tmp_path / "copy")
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=copy, check=True, capture_output=True)
    assert files(copy / "student") == {"model.safetensors": b"weights", "config.json": b"{}"}


def test_what_is_published_already_is_not_written_again(
    s3: Any, s3_url: str, results: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with faulty_proxy(s3_url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        first = storage.publish(results, "s3://plain", "best")
        written = writes(proxy)
        assert storage.publish(results, "s3://plain", "best") == first
        assert writes(proxy) == written
        results["report.html"].write_bytes(b"<p>another")
        assert storage.publish(results, "s3://plain", "best") != first


def test_a_large_file_goes_in_parts_and_keeps_a_checksum_of_the_whole(
    s3: Any, s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = tmp_path / "model.safetensors"
    with large.open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    with faulty_proxy(s3_url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        uri = storage.publish({"model.safetensors": large}, "s3://plain", "best")
    parts = [path for method, _, path in proxy.seen if method == "PUT" and "partNumber" in path]
    assert len(parts) > 1
    key = f"{uri.removeprefix('s3://plain/')}/model.safetensors"
    head = s3.head_object(Bucket="plain", Key=key, ChecksumMode="ENABLED")
    assert head["ContentLength"] == large.stat().st_size
    assert head["ChecksumType"] == "FULL_OBJECT"
    assert int.from_bytes(base64.b64decode(head["ChecksumCRC32"]), "big") == zlib.crc32(large.read_bytes())


def test_a_place_that_can_be_written_is_left_as_it_was(s3: Any, objects: Objects) -> None:
    storage.check_writable("s3://plain/students/")
    assert objects("plain") == {}
    assert s3.list_multipart_uploads(Bucket="plain").get("Uploads", []) == []


def writes(proxy: FaultyProxy) -> int:
    return sum(method in ("PUT", "POST") for method, _, _ in proxy.seen)
