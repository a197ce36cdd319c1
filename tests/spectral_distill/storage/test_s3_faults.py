"""What goes wrong with S3 over real HTTP: bounded attempts, then one line; nothing half-written is left."""

import json
import math
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from spectral_distill.core import waiting
from spectral_distill.core.errors import UserError
from spectral_distill.storage import s3 as s3_objects
from spectral_distill.storage import uris as storage
from tests.support.faulty_proxy import Fault, FaultyProxy, corrupted, faulty_proxy, refusal, stalled, truncated

Put = Callable[..., None]
Files = Callable[[Path], dict[str, bytes]]
Objects = Callable[[str], dict[str, bytes]]

DATA = "s3://plain/data.csv"
ATTEMPTS = 3


@pytest.fixture
def proxy(s3: Any, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """The code under test reaches the server through it; the fixture `s3` does not."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", str(ATTEMPTS))
    with faulty_proxy(s3_url) as between:
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.url)
        yield between


@pytest.fixture
def data(put: Put) -> bytes:
    """An object with a checksum, of more than one block."""
    content = bytes(range(256)) * 8192
    put(DATA, content)
    return content


@pytest.fixture
def student(tmp_path: Path) -> dict[str, Path]:
    """A large and a small file."""
    large, small = tmp_path / "model.safetensors", tmp_path / "config.json"
    with large.open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    small.write_text("{}")
    return {small.name: small, large.name: large}


def fetch(folder: Path) -> Path:
    return storage.fetch(DATA, storage.version(DATA), folder)


def refuses(call: Callable[[], object]) -> str:
    with pytest.raises(UserError) as refusal_:
        call()
    line = str(refusal_.value)
    assert "\n" not in line
    return line


BROKEN_BODIES: dict[str, tuple[Fault, str]] = {
    "truncated": (truncated, "the answer was cut short, repeatedly; try again later"),
    "corrupted": (corrupted, "does not have the object's checksum, repeatedly; check the network and the server"),
    "too slow": (stalled(3), "the answer took too long, repeatedly; try again later"),
}


@pytest.mark.parametrize("fault", BROKEN_BODIES)
def test_a_body_that_stays_broken_is_refused_after_some_attempts(
    proxy: FaultyProxy, data: bytes, tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(s3_objects, "_READ_TIMEOUT_S", 0.5)
    spoil, line = BROKEN_BODIES[fault]
    proxy.spoil(spoil, "GET", "/plain/data.csv")
    assert refuses(lambda: fetch(tmp_path)).startswith(f"{DATA}: ")
    assert line in refuses(lambda: fetch(tmp_path))
    assert sum(path == "/plain/data.csv" and method == "GET" for method, _, path in proxy.seen) == 2 * ATTEMPTS
    assert files(tmp_path) == {}


@pytest.mark.parametrize("fault", BROKEN_BODIES)
def test_a_body_that_breaks_off_once_is_fetched_again(
    proxy: FaultyProxy, data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(s3_objects, "_READ_TIMEOUT_S", 0.5)
    proxy.spoil(BROKEN_BODIES[fault][0], "GET", "/plain/data.csv", times=1)
    assert fetch(tmp_path).read_bytes() == data


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC64NVME", "SHA256"])
def test_every_kind_of_checksum_is_checked(
    proxy: FaultyProxy, put: Put, tmp_path: Path, files: Files, algorithm: str
) -> None:
    """CRC64NVME is what S3 gives objects that came without one."""
    put(DATA, b"text,label\n" * 100, ChecksumAlgorithm=algorithm)
    proxy.spoil(corrupted, "GET", "/plain/data.csv")
    assert "does not have the object's checksum" in refuses(lambda: fetch(tmp_path))
    assert files(tmp_path) == {}


@pytest.mark.parametrize(("times", "works"), [(ATTEMPTS - 1, True), (ATTEMPTS, False)])
def test_errors_of_the_server_are_waited_out_within_bounds(
    proxy: FaultyProxy, data: bytes, tmp_path: Path, times: int, works: bool
) -> None:
    proxy.spoil(refusal(500, "InternalError"), "GET", "/plain/data.csv", times=times)
    if works:
        assert fetch(tmp_path).read_bytes() == data
    else:
        line = refuses(lambda: fetch(tmp_path))
        for told in (f"{DATA}: ", "InternalError (HTTP 500)", "3 times", "AWS_MAX_ATTEMPTS"):
            assert told in line


REFUSALS = {
    "expired token": (400, "ExpiredToken", "the credentials have expired; renew them"),
    "expired session": (403, "RequestExpired", "the credentials have expired; renew them"),
    "another region": (400, "AuthorizationHeaderMalformed", "the bucket is in another region; set AWS_DEFAULT_REGION"),
    "redirect": (301, "PermanentRedirect", "the bucket is in another region; set AWS_DEFAULT_REGION"),
    "wrong clock": (403, "RequestTimeTooSkewed", "this machine's clock is wrong; set it"),
    "something else": (400, "Strange", "S3 answered Strange (no)"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_s3_refuses_is_told_at_once(proxy: FaultyProxy, data: bytes, case: str) -> None:
    status, code, line = REFUSALS[case]
    proxy.spoil(refusal(status, code), "GET", "list-type=2")
    assert refuses(lambda: storage.version(DATA)).startswith(f"{DATA}: {line}")
    assert sum("list-type=2" in path for _, _, path in proxy.seen) < ATTEMPTS  # a redirect is followed once


def test_an_endpoint_where_nobody_listens(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    line = refuses(lambda: storage.version(DATA))
    assert line.startswith(f'{DATA}: Could not connect to the endpoint URL: "http://127.0.0.1:9')
    assert line.endswith("check AWS_ENDPOINT_URL, region and network")


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("AWS_ENDPOINT_URL", "nonsense", "Invalid endpoint: nonsense; check AWS_ENDPOINT_URL"),
        ("AWS_DEFAULT_REGION", "no region", "Provided region_name 'no region' doesn't match a supported format."),
        ("AWS_PROFILE", "nobody", "The config profile (nobody) could not be found"),
    ],
)
def test_a_setting_of_the_client_that_makes_no_sense(
    s3: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    monkeypatch.setenv(name, value)
    assert line in refuses(lambda: storage.version(DATA))


def test_no_credentials_at_all(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert refuses(lambda: storage.version(DATA)).startswith(f"{DATA}: no credentials; set AWS_ACCESS_KEY_ID")


# Permissions, as the server's own IAM grants them


@pytest.fixture
def user(s3: Any, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[list[str]], None]]:
    """Become a user who may do these actions and nothing else; the server checks it from then on."""
    iam = boto3.client("iam")
    iam.create_user(UserName="user")
    key = iam.create_access_key(UserName="user")["AccessKey"]

    def become(actions: list[str]) -> None:
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        iam.put_user_policy(UserName="user", PolicyName="may", PolicyDocument=json.dumps(policy))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        check_permissions_after(s3_url, 0)

    yield become
    check_permissions_after(s3_url, math.inf)
    iam.delete_access_key(UserName="user", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="user", PolicyName="may")
    iam.delete_user(UserName="user")


def check_permissions_after(server: str, requests: float) -> None:
    text = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{server}/moto-api/reset-auth", str(requests).encode(), text)
    urllib.request.urlopen(request).close()


READING = ["s3:ListBucket", "s3:GetObject", "s3:GetObjectVersion"]
WRITING = ["s3:PutObject", "s3:AbortMultipartUpload"]


def test_who_may_read_fetches_and_cannot_write(
    data: bytes, student: dict[str, Path], user: Callable, tmp_path: Path
) -> None:
    user(READING)
    assert fetch(tmp_path / "copy").read_bytes() == data
    denied = "access denied; the credentials need s3:PutObject and s3:AbortMultipartUpload"
    assert refuses(lambda: storage.check_writable("s3://plain/students")) == f"s3://plain/students: {denied}"
    assert denied in refuses(lambda: storage.publish(student, "s3://plain/students", "best"))


def test_who_may_write_publishes_and_cannot_read(
    objects: Objects, student: dict[str, Path], user: Callable, s3_url: str
) -> None:
    user(WRITING)
    storage.check_writable("s3://plain/students")
    uri = storage.publish(student, "s3://plain/students", "best")
    assert "access denied; the credentials need s3:ListBucket and s3:GetObject" in refuses(lambda: storage.version(uri))
    check_permissions_after(s3_url, math.inf)
    assert len(objects("plain")) == len(student) + 1


def test_a_wrong_secret_key(data: bytes, user: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    user(READING)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert refuses(lambda: storage.version(DATA)) == f"{DATA}: wrong secret key; check AWS_SECRET_ACCESS_KEY"


def test_an_unknown_access_key(data: bytes, user: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    user(READING)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN")
    assert refuses(lambda: storage.version(DATA)) == f"{DATA}: unknown access key; check AWS_ACCESS_KEY_ID"


# Writing


@pytest.mark.parametrize("uri", ["s3://no-such-bucket/students", "s3://no-such-bucket"])
def test_a_bucket_that_is_not_there_is_found_before_any_work(s3: Any, uri: str) -> None:
    assert refuses(lambda: storage.check_writable(uri)).startswith(f"{uri}: no such bucket; check the name")


@pytest.mark.parametrize(("method", "path"), [("PUT", "partNumber=3"), ("PUT", "SHA256SUMS"), ("POST", "uploadId=")])
def test_an_upload_that_fails_leaves_no_folder_that_looks_whole(
    proxy: FaultyProxy, s3: Any, objects: Objects, student: dict[str, Path], method: str, path: str
) -> None:
    proxy.spoil(refusal(503, "ServiceUnavailable"), method, path)
    line = refuses(lambda: storage.publish(student, "s3://plain/students", "best"))
    assert "S3 answered ServiceUnavailable (HTTP 503), 3 times" in line
    assert not any(key.endswith("SHA256SUMS") for key in objects("plain"))
    assert s3.list_multipart_uploads(Bucket="plain").get("Uploads", []) == []


def test_an_upload_that_failed_is_completed_by_the_next_attempt(
    proxy: FaultyProxy, objects: Objects, student: dict[str, Path]
) -> None:
    proxy.spoil(refusal(403, "AccessDenied"), "PUT", "SHA256SUMS")
    refuses(lambda: storage.publish(student, "s3://plain/students", "best"))
    proxy.heal()
    uri = storage.publish(student, "s3://plain/students", "best")
    prefix = uri.removeprefix("s3://plain/")
    assert set(objects("plain")) == {f"{prefix}/{name}" for name in [*student, "SHA256SUMS"]}


def test_an_upload_goes_on_over_errors_that_pass(
    proxy: FaultyProxy, objects: Objects, student: dict[str, Path]
) -> None:
    proxy.spoil(refusal(500, "InternalError"), "PUT", times=2)
    storage.publish(student, "s3://plain/students", "best")
    assert len(objects("plain")) == len(student) + 1


# A server that is away for a while


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits, with short pauses, for a server that boto3 has given up on."""
    monkeypatch.setenv("SPECTRAL_DISTILL_WAIT_SECONDS", "60")
    monkeypatch.setattr(waiting, "_FIRST_PAUSE_S", 0.05)


AWAY = {
    "unavailable": (503, "ServiceUnavailable"),
    "slow down": (503, "SlowDown"),
    "too many requests": (429, "TooManyRequests"),
    "timeout": (400, "RequestTimeout"),
}


@pytest.mark.parametrize("case", AWAY)
def test_a_server_in_trouble_is_waited_for(
    proxy: FaultyProxy, data: bytes, tmp_path: Path, patient: None, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    proxy.spoil(refusal(*AWAY[case]), times=2 * ATTEMPTS)
    assert fetch(tmp_path).read_bytes() == data
    assert f"{DATA}: S3 answered {AWAY[case][1]}" in capsys.readouterr().err


def test_a_server_that_is_down_is_waited_for(
    s3: Any, s3_url: str, data: bytes, tmp_path: Path, patient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(waiting.time, "sleep", lambda _: monkeypatch.setenv("AWS_ENDPOINT_URL", s3_url))
    assert fetch(tmp_path).read_bytes() == data


@pytest.mark.parametrize("fault", ["truncated", "too slow"])
def test_a_body_that_stays_broken_for_a_while_is_waited_for(
    proxy: FaultyProxy, data: bytes, tmp_path: Path, patient: None, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(s3_objects, "_READ_TIMEOUT_S", 0.5)
    proxy.spoil(BROKEN_BODIES[fault][0], "GET", "/plain/data.csv", times=ATTEMPTS)
    assert fetch(tmp_path).read_bytes() == data


def test_an_upload_waits_and_sends_only_what_is_missing(
    proxy: FaultyProxy, objects: Objects, student: dict[str, Path], patient: None
) -> None:
    proxy.spoil(refusal(503, "ServiceUnavailable"), "PUT", "SHA256SUMS", times=ATTEMPTS)
    storage.publish(student, "s3://plain/students", "best")
    assert len(objects("plain")) == len(student) + 1
    assert sum(method == "PUT" and "config.json" in path for method, _, path in proxy.seen) == 1


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_wrong_credentials_are_not_waited_out(
    proxy: FaultyProxy, data: bytes, patient: None, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    proxy.spoil(refusal(403, code))
    refuses(lambda: storage.version(DATA))
    assert len(proxy.seen) == 1
    assert "retrying in" not in capsys.readouterr().err
