"""Local files: versions follow contents, fetches give exactly the version, writes are whole or absent."""

import errno
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from spectral_distill.core.errors import UserError
from spectral_distill.storage import uris as storage

Files = Callable[[Path], dict[str, bytes]]


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
    with pytest.raises(UserError, match=r"data\.csv: it changed after this run looked it up"):
        storage.fetch(str(path), before, tmp_path)


@pytest.mark.parametrize("name", ["missing.csv", "x" * 300], ids=["missing", "too long for a name"])
def test_a_missing_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"no such file or folder.*s3://bucket/key"):
        storage.version(str(tmp_path / name))


# Writing


@pytest.mark.parametrize("name", ["table.csv", "."], ids=["a file", "in a folder"])
def test_data_that_this_user_may_not_read_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused by a stand-in for the operating system, which lets root read everything."""
    (tmp_path / "table.csv").write_text("text,label\n")
    opened = Path.open

    def refuse(path: Path, *arguments: str) -> object:
        if path.suffix == ".csv":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *arguments)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match=r"table\.csv cannot be read; give the user that runs this the right to"):
        storage.version(str(tmp_path / name))


def test_a_folder_appears_when_it_is_whole(tmp_path: Path, files: Files) -> None:
    target = tmp_path / "parent" / "target"
    with storage.whole_folder(target) as folder:
        (folder / "a").write_text("1")
        assert not target.exists()
    assert files(tmp_path) == {"parent/target/a": b"1"}


def test_a_new_folder_replaces_the_old_one(tmp_path: Path, files: Files) -> None:
    for name in ("old", "new"):
        with storage.whole_folder(tmp_path / "target") as folder:
            (folder / name).write_text(name)
    assert files(tmp_path) == {"target/new": b"new"}


@pytest.mark.parametrize("error", [UserError("bad input"), KeyboardInterrupt()], ids=["refusal", "interrupt"])
def test_a_folder_that_fails_leaves_what_was_there(tmp_path: Path, error: BaseException, files: Files) -> None:
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


def test_a_text_file_is_written_and_replaced(tmp_path: Path, files: Files) -> None:
    for text in ("old", "nëw\n"):
        storage.write_whole(tmp_path / "parent" / "page.html", text)
    assert files(tmp_path) == {"parent/page.html": "nëw\n".encode()}


def test_a_text_that_cannot_be_written_leaves_the_old_file(tmp_path: Path, files: Files) -> None:
    storage.write_whole(tmp_path / "page.html", "old")
    with pytest.raises(UnicodeEncodeError):
        storage.write_whole(tmp_path / "page.html", "\ud800")
    assert files(tmp_path) == {"page.html": b"old"}


# Publishing


@pytest.fixture
def results(tmp_path: Path) -> dict[str, Path]:
    """A student of one file and a report, by their names where they are published."""
    contents = {"student/config.json": b"{}", "report.html": b"<p>"}
    for name, content in contents.items():
        (tmp_path / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "from" / name).write_bytes(content)
    return {name: tmp_path / "from" / name for name in contents}


def test_a_published_folder_holds_everything_and_can_be_checked(
    tmp_path: Path, results: dict[str, Path], files: Files
) -> None:
    place = tmp_path / "to"
    uri = storage.publish(results, str(place), "best")
    assert Path(uri).parent == place
    assert set(files(Path(uri))) == {*results, "SHA256SUMS"}
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=uri, check=True, capture_output=True)


def test_what_differs_is_published_beside_what_was_there(tmp_path: Path, results: dict[str, Path]) -> None:
    place = tmp_path / "to"
    first = storage.publish(results, str(place), "best")
    assert storage.publish(results, str(place), "best") == first
    results["report.html"].write_bytes(b"<p>another")
    assert {first, storage.publish(results, str(place), "best")} == {str(path) for path in place.iterdir()}


@pytest.mark.parametrize("refuse", [storage.check_writable, lambda uri: storage.publish({}, uri, "best")])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, refuse: Callable[[str], object]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file.*: cannot be written \(.*\)"):
        refuse(str(tmp_path / "file" / "below"))


def test_a_place_that_can_be_written_is_empty_afterwards(tmp_path: Path, files: Files) -> None:
    storage.check_writable(str(tmp_path / "to" / "here"))
    assert list((tmp_path / "to" / "here").iterdir()) == []
