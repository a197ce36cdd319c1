"""Files and S3 objects: versions follow contents, fetches give exactly the version, writes are whole or absent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from components.foundation import storage
from components.foundation.errors import UserError


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of an S3 server that speaks HTTP."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def s3(server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """A client of the server; the environment points the code under test at it too. Buckets vanish afterwards."""
    environment = {
        "AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }  # fmt: skip
    for name, value in environment.items():
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


def put(s3: Any, uri: str, content: bytes) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3.put_object(Bucket=bucket, Key=key, Body=content)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Local paths


def test_a_files_version_follows_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"one")
    before = storage.version(str(path))
    assert storage.version(str(path)) == before
    path.write_bytes(b"two")
    assert storage.version(str(path)) != before


@pytest.mark.parametrize("change", ["content", "rename", "add", "remove"])
def test_a_folders_version_follows_names_and_bytes(tmp_path: Path, change: str) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    before = storage.version(str(tmp_path))
    if change == "content":
        (tmp_path / "deep" / "a").write_bytes(b"3")
    elif change == "rename":
        (tmp_path / "b").rename(tmp_path / "c")
    elif change == "add":
        (tmp_path / "c").write_bytes(b"")
    else:
        (tmp_path / "b").unlink()
    assert storage.version(str(tmp_path)) != before


def test_a_local_file_is_fetched_in_place(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"one")
    assert storage.fetch(str(path), storage.version(str(path)), tmp_path / "scratch") == path


def test_a_local_file_that_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"one")
    before = storage.version(str(path))
    path.write_bytes(b"two")
    with pytest.raises(UserError, match=r"data\.csv: it changed after this run looked it up; start the run again"):
        storage.fetch(str(path), before, tmp_path)


@pytest.mark.parametrize("name", ["missing.csv", "x" * 300], ids=["missing", "too long for a name"])
def test_a_missing_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"no such file or folder; check the path, or use s3://bucket/key"):
        storage.version(str(tmp_path / name))


# S3


@pytest.mark.parametrize("bucket", ["plain", "versioned"])
def test_an_objects_version_follows_its_bytes(s3: Any, bucket: str) -> None:
    put(s3, f"s3://{bucket}/data.csv", b"one")
    before = storage.version(f"s3://{bucket}/data.csv")
    assert storage.version(f"s3://{bucket}/data.csv") == before
    put(s3, f"s3://{bucket}/data.csv", b"two")
    assert storage.version(f"s3://{bucket}/data.csv") != before


def test_a_prefixs_version_follows_its_objects(s3: Any) -> None:
    put(s3, "s3://plain/data/train.csv", b"one")
    before = storage.version("s3://plain/data")
    put(s3, "s3://plain/database/other.csv", b"no part of the folder")
    assert storage.version("s3://plain/data") == before
    put(s3, "s3://plain/data/test.csv", b"two")
    assert storage.version("s3://plain/data") != before


@pytest.mark.parametrize("key", ["data.csv", "deep/er/data.csv", "with blank/a#b?c=d%20.csv", "ümlaut.csv"])
def test_a_single_object_is_fetched_under_its_name(s3: Any, tmp_path: Path, key: str) -> None:
    put(s3, f"s3://plain/{key}", b"a,b\n1,2\n")
    path = storage.fetch(f"s3://plain/{key}", storage.version(f"s3://plain/{key}"), tmp_path)
    assert path.name == key.rpartition("/")[2]
    assert path.read_bytes() == b"a,b\n1,2\n"
    assert list(files(tmp_path)) == [path.name]


@pytest.mark.parametrize("uri", ["s3://plain/sets/one", "s3://plain/sets/one/"])
def test_a_prefix_is_fetched_as_a_folder(s3: Any, tmp_path: Path, uri: str) -> None:
    objects = {"train.csv": b"1", "test.csv": b"2", "deep/notes.txt": b"3"}
    for name, content in objects.items():
        put(s3, f"s3://plain/sets/one/{name}", content)
    put(s3, "s3://plain/sets/one-more/train.csv", b"another folder")
    put(s3, "s3://plain/sets/one/empty/", b"")
    assert files(storage.fetch(uri, storage.version(uri), tmp_path)) == objects


def test_a_whole_bucket_is_a_folder(s3: Any, tmp_path: Path) -> None:
    put(s3, "s3://plain/train.csv", b"1")
    put(s3, "s3://plain/deep/test.csv", b"2")
    assert files(storage.fetch("s3://plain", storage.version("s3://plain"), tmp_path)) == {
        "train.csv": b"1",
        "deep/test.csv": b"2",
    }


@pytest.mark.parametrize("uri", ["s3://versioned/data/train.csv", "s3://versioned/data"])
def test_a_versioned_bucket_gives_what_was_looked_up(s3: Any, tmp_path: Path, uri: str) -> None:
    put(s3, "s3://versioned/data/train.csv", b"then")
    then = storage.version(uri)
    put(s3, "s3://versioned/data/train.csv", b"now")
    path = storage.fetch(uri, then, tmp_path)
    assert (path / "train.csv" if path.is_dir() else path).read_bytes() == b"then"


def test_a_versioned_bucket_gives_what_was_deleted_since(s3: Any, tmp_path: Path) -> None:
    put(s3, "s3://versioned/data.csv", b"then")
    then = storage.version("s3://versioned/data.csv")
    s3.delete_object(Bucket="versioned", Key="data.csv")
    assert storage.fetch("s3://versioned/data.csv", then, tmp_path).read_bytes() == b"then"


def test_an_unversioned_object_that_changed_is_refused(s3: Any, tmp_path: Path) -> None:
    put(s3, "s3://plain/data.csv", b"then")
    then = storage.version("s3://plain/data.csv")
    put(s3, "s3://plain/data.csv", b"now")
    with pytest.raises(
        UserError, match=r"s3://plain/data\.csv: it changed after this run looked it up; start the run again"
    ):
        storage.fetch("s3://plain/data.csv", then, tmp_path)
    assert files(tmp_path) == {}


def test_an_unversioned_object_that_went_is_refused(s3: Any, tmp_path: Path) -> None:
    put(s3, "s3://plain/data.csv", b"then")
    then = storage.version("s3://plain/data.csv")
    s3.delete_object(Bucket="plain", Key="data.csv")
    with pytest.raises(UserError, match=r"s3://plain/data\.csv: no such object; check the key"):
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
def test_what_s3_does_not_hold_is_refused_in_one_line(s3: Any, uri: str, answer: str) -> None:
    if uri == "s3://plain/dat":
        put(s3, "s3://plain/data.csv", b"its name only begins so")
    with pytest.raises(UserError) as refusal:
        storage.version(uri)
    assert str(refusal.value).startswith(f"{uri}: ")
    assert answer in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_key_never_leads_out_of_the_scratch_folder(s3: Any, tmp_path: Path) -> None:
    put(s3, "s3://plain/data/train.csv", b"1")
    listing = storage.version("s3://plain/data").replace("data/train.csv", "data/../../train.csv")
    with pytest.raises(UserError, match=r"found \.\. in an object's key"):
        storage.fetch("s3://plain/data", listing, tmp_path / "deep" / "scratch")
    assert files(tmp_path) == {}


# Writing


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "parent" / "target"
    with storage.whole_folder(target) as folder:
        (folder / "a").write_text("1")
        assert not target.exists()
    assert files(tmp_path) == {"parent/target/a": b"1"}


def test_a_new_folder_replaces_the_old_one(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with storage.whole_folder(tmp_path / "target") as folder:
            (folder / name).write_text(name)
    assert files(tmp_path) == {"target/new": b"new"}


@pytest.mark.parametrize("error", [UserError("bad input"), KeyboardInterrupt()], ids=["refusal", "interrupt"])
def test_a_folder_that_fails_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    with storage.whole_folder(tmp_path / "target") as folder:
        (folder / "old").write_text("old")
    with pytest.raises(type(error)), storage.whole_folder(tmp_path / "target") as folder:
        (folder / "half").write_text("half")
        raise error
    assert files(tmp_path) == {"target/old": b"old"}


def test_a_folder_that_fails_leaves_nothing_new(tmp_path: Path) -> None:
    with pytest.raises(UserError), storage.whole_folder(tmp_path / "target") as folder:
        (folder / "half").write_text("half")
        raise UserError("bad input")
    assert list(tmp_path.iterdir()) == []


def test_a_text_file_is_written_and_replaced(tmp_path: Path) -> None:
    for text in ("old", "nëw\n"):
        storage.write_whole(tmp_path / "parent" / "page.html", text)
    assert files(tmp_path) == {"parent/page.html": "nëw\n".encode()}


def test_a_text_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    storage.write_whole(tmp_path / "page.html", "old")
    with pytest.raises(UnicodeEncodeError):
        storage.write_whole(tmp_path / "page.html", "\ud800")
    assert files(tmp_path) == {"page.html": b"old"}
