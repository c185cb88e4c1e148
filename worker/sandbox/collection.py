"""One LoopBack collection: validation, partial changes, soft delete, find and count."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from worker.sandbox.exact import Json

Clock = Callable[[], datetime]


class RefusalError(Exception):
    """An answer of LoopBack that is not 2xx."""

    def __init__(
        self, status: int, message: str, *, name: str = "Error", code: str = "", details: Json | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: Json = {"statusCode": status, "name": name, "message": message}
        self.error |= {"code": code} if code else {}
        self.error |= {"details": details} if details else {}


def stamp(at: datetime) -> str:
    """Writes a moment as the remote does: UTC with milliseconds and Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


class Collection:
    """Records of one model, each with the read-only members that LoopBack keeps."""

    def __init__(
        self,
        model: str,
        clock: Clock,
        *,
        ids: Iterator[str],
        required: tuple[str, ...] = (),
        defaults: Mapping[str, object] | None = None,
    ) -> None:
        self.model = model
        self.required = required
        self.rows: dict[str, Json] = {}
        self._clock = clock
        self._ids = ids
        self._defaults = dict(defaults or {})

    def create(self, fields: Json) -> Json:
        """Stores a new record; a missing required member is a 422."""
        self.check(fields)
        now = stamp(self._clock())
        own = {"id": next(self._ids), "createdAt": now, "updatedAt": now}
        row = {**self._defaults, **_writable(fields), **own, "_isDeleted": False, "deletedAt": None, "deletedId": None}
        self.rows[row["id"]] = row
        return row

    def check(self, fields: Json) -> None:
        """Refuses fields that lack what the model requires."""
        missing = [name for name in self.required if fields.get(name) is None]
        if missing:
            raise self._invalid(missing)

    def get(self, record_id: str) -> Json:
        """Gives one record; an unknown or deleted one is a 404."""
        row = self.rows.get(record_id)
        if row is None or row["_isDeleted"]:
            raise self.unknown(record_id)
        return row

    def unknown(self, record_id: str) -> RefusalError:
        """Gives the 404 about a record."""
        return RefusalError(404, f'Unknown "{self.model}" id "{record_id}".', code="MODEL_NOT_FOUND")

    def patch(self, record_id: str, fields: Json) -> Json:
        """Changes only the members that are named; what is required cannot become null."""
        row = self.get(record_id)
        emptied = [name for name in self.required if name in fields and fields[name] is None]
        if emptied:
            raise self._invalid(emptied)
        row.update(_writable(fields), updatedAt=stamp(self._clock()))
        return row

    def delete(self, record_id: str) -> Json:
        """Hides one record and counts what it hid; a second time it hides nothing."""
        row = self.rows.get(record_id)
        if row is None or row["_isDeleted"]:
            return {"count": 0}
        row.update(_isDeleted=True, deletedAt=stamp(self._clock()), deletedId=record_id)
        return {"count": 1}

    def scoped(self, scope: Mapping[str, object]) -> list[Json]:
        """Gives every record of a scope, deleted ones too, in the order of their creation."""
        return [row for row in self.rows.values() if all(row.get(key) == value for key, value in scope.items())]

    def _invalid(self, missing: list[str]) -> RefusalError:
        reasons = "; ".join(f"`{name}` can't be blank" for name in missing)
        details = {
            "context": self.model,
            "codes": {name: ["presence"] for name in missing},
            "messages": {name: ["can't be blank"] for name in missing},
        }
        message = f"The `{self.model}` instance is not valid. Details: {reasons}."
        return RefusalError(422, message, name="ValidationError", details=details)


_READ_ONLY = {"id", "createdAt", "updatedAt", "deletedAt", "deletedId", "_isDeleted"}


def _writable(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if name not in _READ_ONLY}
