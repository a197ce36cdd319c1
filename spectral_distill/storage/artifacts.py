"""Typed artifacts: models that are saved as one JSON file of a folder, with the version of their schema."""

import json
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, ValidationError, model_serializer

from spectral_distill.core.errors import UserError
from spectral_distill.storage.uris import write_whole


class Record(BaseModel):
    """A part of an artifact: frozen, with no unknown fields, and no number that JSON cannot hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SparseRecord(Record):
    """A record that leaves out the optional fields without a value instead of writing null."""

    @model_serializer(mode="wrap")
    def _without_none(self, serialize: SerializerFunctionWrapHandler) -> dict[str, object]:
        return {name: value for name, value in serialize(self).items() if value is not None}


class Artifact(Record):
    """An artifact's facts, saved as the JSON file `FILE` of its folder.

    A subclass declares `schema_version: Literal[n] = n` and raises n where a field changes its name or meaning.

    Attributes:
        KIND: What messages call the artifact.
        FILE: Name of the JSON file.
    """

    KIND: ClassVar[str]
    FILE: ClassVar[str]

    schema_version: int

    def save(self, folder: str | Path) -> None:
        """Write `FILE` atomically.

        Args:
            folder: The artifact's folder.
        """
        text = json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
        write_whole(Path(folder) / self.FILE, text)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read `FILE`.

        Args:
            folder: The artifact's folder.

        Returns:
            The artifact.

        Raises:
            UserError: The file is missing, has another schema version, or lacks what the schema asks for.
        """
        path = Path(folder) / cls.FILE
        raw = _read(cls.KIND, path)
        expected, found = cls.model_fields["schema_version"].default, raw.get("schema_version")
        if found != expected:
            version = "no schema version" if found is None else f"schema version {found}"
            raise UserError(
                f"{cls.KIND} {path}: found {version}, expected {expected}; "
                "run the step again with this version of spectral-distill"
            )
        try:
            return cls.model_validate(raw)
        except (ValidationError, UserError) as error:
            raise UserError(f"{cls.KIND} {path}: {_first_problem(error)}; run the step that writes it again") from error


def _read(kind: str, path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{kind} {path}: no such file; run the step that writes it") from None
    except ValueError as error:
        raise UserError(f"{kind} {path}: not valid JSON ({error}); run the step that writes it again") from None
    if not isinstance(raw, dict):
        raise UserError(f"{kind} {path}: found {type(raw).__name__}, expected an object; run the step again")
    return raw


def _first_problem(error: ValidationError | UserError) -> str:
    if isinstance(error, UserError):
        return str(error)
    detail = error.errors()[0]
    return f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
