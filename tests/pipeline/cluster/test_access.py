"""Who asks, and what is told when the server does not answer as it should. No contract: a broken server keeps none."""

import datetime
import json
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.pipeline.cluster.command_line import TOKEN, Command
from tests.pipeline.cluster.kfp_server import Kfp, serving

COOKIES = "authservice_session=a-cookie-that-nobody-may-see"


def test_a_token_file_is_read_again_for_every_command(
    server: Kfp, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.delenv("KF_PIPELINES_TOKEN")
    file = tmp_path / "token"
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(file))
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        assert command("runs", "list").code == 0
        assert server.requests[-1].headers["authorization"] == f"Bearer {token}"


def test_a_token_wins_over_a_token_file(server: Kfp, command: Command, tmp_path: Path):
    file = tmp_path / "token"
    file.write_text("other")
    command("runs", "list", "--token-file", str(file))
    assert server.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"


def test_cookies_and_namespace_go_with_the_request(server: Kfp, command: Command):
    command("runs", "list", "--cookies", COOKIES, "--namespace", "team-b")
    assert server.requests[-1].headers["cookie"] == COOKIES
    assert server.requests[-1].query["namespace"] == "team-b"


def test_links_lead_to_the_ui_and_hold_no_login(server: Kfp, command: Command, monkeypatch: pytest.MonkeyPatch):
    server.runs = [{"run_id": "run-1", "display_name": "x", "state": "PENDING", "created_at": "2026-01-31T03:00:00Z",
                    "pipeline_spec": {"root": {}, "components": {}}}]  # fmt: skip
    shown = command("runs", "status", "run-1", "--ui-endpoint", "https://kubeflow.example.com/pipeline/").out
    assert "https://kubeflow.example.com/pipeline/#/runs/details/run-1" in shown


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, "found 400 (said the server); change what it names"),
        (401, "found 401 (said the server); give a valid login: --token, --token-file or --cookies"),
        (403, "found 403 (said the server); ask for the right, or check --namespace and the login"),
        (404, "found 404 (said the server); check the name or id, --namespace and --endpoint"),
        (422, "found 422 (said the server); change what it names"),
        (500, "found 500 (said the server); check the server's log"),
        (503, "found 503 (said the server); try again when it is up"),
    ],
)
def test_a_refusal_is_one_line_without_secrets(server: Kfp, command: Command, status: int, expected: str):
    server.answer = lambda request: (status, "application/json", json.dumps({"message": "said the\nserver"}))
    answer = command("runs", "list", "--cookies", COOKIES)
    assert (answer.code, answer.out) == (2, "")
    assert expected in answer.err
    assert answer.err.count("\n") == 1
    assert not any(secret in answer.err for secret in (TOKEN, COOKIES))


def test_a_busy_server_is_asked_a_few_times(server: Kfp, command: Command):
    server.answer = lambda request: (503, "text/plain", "starting")
    command("runs", "list", "--namespace", "team-a")
    assert len(server.requests) == 4


def test_a_start_is_sent_once(server: Kfp, command: Command):
    server.answer = lambda request: (503, "text/plain", "starting")
    command("runs", "cancel", "run-1", "--namespace", "team-a")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [200, 403])
def test_the_page_of_a_login_is_told_from_the_api(server: Kfp, command: Command, status: int):
    server.answer = lambda request: (status, "text/html; charset=utf-8", "<html>Log in to Dex</html>")
    answer = command("runs", "list")
    assert answer.code == 2
    assert ("found a page (text/html; charset=utf-8)" if status == 200 else "found 403 (Forbidden)") in answer.err
    assert "--cookies" in answer.err or "login" in answer.err
    assert "<html>" not in answer.err


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://127.0.0.1:9", "KFP server http://127.0.0.1:9: not reachable (NewConnectionError); check --endpoint"),
        ("http://user:a-password@127.0.0.1:9", "KFP server http://127.0.0.1:9: not reachable"),
        ("localhost:8080", "--endpoint: found 'localhost:8080', expected http(s)://host; correct it"),
        ("https://", "--endpoint: found 'https://', expected http(s)://host; correct it"),
    ],
)
def test_an_endpoint_that_is_none(command: Command, endpoint: str, expected: str):
    answer = command("runs", "list", "--endpoint", endpoint)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"error: {expected}")
    assert "a-password" not in answer.err


def test_without_an_endpoint(command: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    answer = command("runs", "list")
    assert answer.code == 2
    assert "Missing option '--endpoint'" in answer.err
    assert "KF_PIPELINES_ENDPOINT" in answer.err


@pytest.mark.parametrize("option", ["--token-file", "--ca-bundle"])
def test_a_file_that_is_missing(server: Kfp, command: Command, option: str):
    answer = command("runs", "list", option, "nope")
    assert (answer.code, answer.err) == (2, f"error: {option} nope: no such file; check the path\n")
    assert not server.requests


def test_a_private_authority_is_trusted_when_its_bundle_is_given(command: Command, tmp_path: Path):
    certificate = self_signed(tmp_path)
    with serving(Kfp()) as served:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        served.socket = context.wrap_socket(served.socket, server_side=True)
        endpoint = f"https://localhost:{served.server_port}"
        refused = command("runs", "list", "--endpoint", endpoint)
        trusted = command("runs", "list", "--endpoint", endpoint, "--ca-bundle", str(certificate))
    assert refused.code == 2
    assert "found no secure connection (" in refused.err
    assert "give the authority's with --ca-bundle" in refused.err
    assert (trusted.code, trusted.err) == (0, "")


def self_signed(folder: Path) -> Path:
    """Key and certificate of localhost in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "localhost.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + certificate.public_bytes(pem))
    return file
