"""Data on S3 that changes under the same name."""

import csv
import io
import os
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from tests.cluster_acceptance.cluster_session import Cluster

TRAINED = {"prepare-data", "train-teacher", "profile-teacher", "distill-student", "evaluate-students"}
WORDS = {
    "balance": ("how much money is", "what is the balance", "show the amount", "tell me the total"),
    "block": ("block the card", "freeze the card at once", "stop every payment", "lock my card"),
    "limit": ("raise the limit", "what is the limit", "lower my daily limit", "change the limit"),
    "address": ("change my address", "i have moved house", "update the street", "new postal address"),
}
ENDINGS = (
    "please",
    "now",
    "today",
    "for me",
    "on my account",
    "if possible",
    "quickly",
    "again",
    "as before",
    "thanks",
)


@pytest.fixture
def place() -> Iterator[tuple[Any, str, str]]:
    """An S3 client, a bucket and a key; the object is deleted afterwards."""
    prefix = os.environ.get("ACCEPTANCE_S3")
    if not prefix:
        pytest.skip("ACCEPTANCE_S3 names no s3://bucket/prefix to write to")
    import boto3

    bucket, _, path = prefix.removeprefix("s3://").partition("/")
    key = "/".join(part for part in (path.strip("/"), f"acceptance-{os.getpid()}.csv") if part)
    client = boto3.client("s3")
    yield client, bucket, key
    client.delete_object(Bucket=bucket, Key=key)


def test_new_data_under_the_same_name_is_trained_on(cluster: Cluster, place: tuple[Any, str, str]):
    client, bucket, key = place
    settings = cluster.settings(seed=2, data=f"s3://{bucket}/{key}", candidates=[{"strategy": "uniform", "layers": 1}])
    for number, endings in enumerate((ENDINGS[:-1], ENDINGS), start=1):
        client.put_object(Bucket=bucket, Key=key, Body=table(endings))
        run = cluster.wait(cluster.submit(f"data {number}", settings))
        assert run.state == "SUCCEEDED"
        assert {step.name for step in cluster.steps(run) if step.ran} >= TRAINED


def table(endings: tuple[str, ...]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(("text", "label"))
    for label, texts in WORDS.items():
        writer.writerows((f"{text} {ending}", label) for text, ending in product(texts, endings))
    return stream.getvalue().encode()
