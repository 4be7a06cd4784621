"""Entries of one kind: read, merged key by key with the team's, validated, and traced to file and line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from diagnostics.catalogue.model import CatalogueEntry, CatalogueError
from diagnostics.config.toml import TomlFile, TomlPath, closest, read_toml, suggestion
from diagnostics.core.sanitizer import clean

BUILT_IN = Path(__file__).parent / "data"
"""The files that ship with the console."""

Kind = TypeVar("Kind", bound=CatalogueEntry)


@dataclass(slots=True)
class Source:
    """One catalogue file as shipped, and the team's file of the same name when there is one."""

    name: str
    shipped: TomlFile
    team: TomlFile | None

    def place(self, path: TomlPath) -> tuple[Path, int]:
        """File and line of `path`: the team's where it sets the value or the shipped file does not."""
        if self.team is not None:
            if self.team.lines.exact(path) is not None:
                return self.team.path, self.team.line(path)
            if self.shipped.lines.exact(path) is None:
                return self.team.path, self.team.line(path)
        return self.shipped.path, self.shipped.line(path)


def read_source(name: str, override: Path | None) -> Source:
    """Read `name`.toml as shipped, and from the folder `override` when it is there."""
    team_path = override / f"{name}.toml" if override else None
    team = read_toml(team_path, CatalogueError) if team_path is not None and os.path.lexists(team_path) else None
    return Source(name, read_toml(BUILT_IN / f"{name}.toml", CatalogueError), team)


def merge(shipped: object, team: object) -> object:
    """Return `shipped` with the keys of `team` in place; tables merge, every other value replaces."""
    if isinstance(shipped, Mapping) and isinstance(team, Mapping):
        return {**shipped, **{key: merge(shipped.get(key), value) for key, value in team.items()}}
    return team


@dataclass
class Group(Generic[Kind]):
    """All entries of one kind, one table each.

    `identity` is the field that takes the entry's own name, which is not written in the file; empty for none.
    """

    label: str
    source: Source
    model: type[Kind]
    identity: str
    open: bool = False
    """True when a team may add entries of its own: the console asks for no other than the shipped ones by name."""
    exact_tables: tuple[str, ...] = ()
    """Tables inside an entry to which a team may add no keys, such as the columns of the schema map."""
    entries: dict[str, Kind] = field(default_factory=dict)

    def load(self) -> dict[str, Kind]:
        """Merge and validate; raises `CatalogueError`."""
        for name in dict.fromkeys((*self._shipped, *self._team)):
            self._check_names(name)
            merged = merge(self._shipped.get(name), self._team[name]) if name in self._team else self._shipped[name]
            self.entries[name] = self._validated(name, merged)
        return self.entries

    def origins(self) -> dict[str, str]:
        """Where each entry, and each overridden key, comes from."""
        found = dict.fromkeys((self._dotted((name,)) for name in self.entries), "built in")
        team = self.source.team
        if team is None:
            return found
        for path in team.lines.paths():
            if all(isinstance(part, str) for part in path):
                found[self._dotted(path)] = clean(f"{team.path}:{team.line(path)}", limit=1_000)
        return found

    def mistake(
        self, problem: str, path: Sequence[str | int], *, accepted: str, value: object = None
    ) -> CatalogueError:
        """An error at `path` (from the entry's name on), with the file and line that caused it."""
        file, line = self.source.place(tuple(path))
        shown = "" if value is None else repr(value)
        return CatalogueError(problem, file=file, line=line, value=shown, accepted=accepted)

    @property
    def _shipped(self) -> Mapping[str, object]:
        return self.source.shipped.data

    @property
    def _team(self) -> Mapping[str, object]:
        return self.source.team.data if self.source.team else {}

    def overridden_key(self, name: str, keys: Sequence[str], *, inside: str = "") -> str:
        """The first of `keys` that the team's file sets for an entry, else the first: the likeliest mistake."""
        lines = self.source.team.lines if self.source.team else None
        prefix = (name, inside) if inside else (name,)
        return next((key for key in keys if lines and lines.exact((*prefix, key)) is not None), keys[0])

    def _dotted(self, path: Sequence[str | int]) -> str:
        return ".".join(str(part) for part in (self.label, *path))

    def _check_names(self, name: str) -> None:
        """Refuse an entry or key that looks like a slip of the pen, which would otherwise change nothing in silence."""
        given = self._team.get(name)
        known = tuple(self._shipped)
        if name not in self._shipped:
            missing = self._missing_fields(given)
            if not self.open or (missing and closest(name, known)):
                near = suggestion(name, known)
                raise self.mistake(f"unknown entry {name!r}{near}", (name,), accepted=", ".join(known), value=name)
            return
        shipped = self._shipped[name]
        for table in self.exact_tables:
            inner = given.get(table) if isinstance(given, Mapping) else None
            allowed = shipped.get(table) if isinstance(shipped, Mapping) else None
            if not isinstance(inner, Mapping) or not isinstance(allowed, Mapping):
                continue
            for key in inner:
                if key not in allowed:
                    problem = f"unknown key {key!r} in {name}.{table}{suggestion(key, tuple(allowed))}"
                    raise self.mistake(problem, (name, table, key), accepted=", ".join(allowed), value=key)

    def _missing_fields(self, given: object) -> bool:
        required = {key for key, value in self.model.model_fields.items() if value.is_required()} - {self.identity}
        return not isinstance(given, Mapping) or not required <= set(given)

    def _validated(self, name: str, data: object) -> Kind:
        if not isinstance(data, Mapping):
            raise self.mistake(
                f"{self._dotted((name,))} is not a table", (name,), accepted="a table of keys", value=data
            )
        if self.identity in data:
            raise self._unknown_key((name, self.identity), self.model)
        identity = {self.identity: name} if self.identity else {}
        try:
            return self.model.model_validate({**identity, **data})
        except ValidationError as refused:
            first = refused.errors(include_url=False)[0]
        path = (name, *first["loc"])
        if first["type"] == "extra_forbidden":
            raise self._unknown_key(path, self.model)
        dotted = self._dotted(path)
        if first["type"] == "missing":
            raise self.mistake(f"{dotted} is missing", path, accepted=f"a table with {path[-1]}")
        accepted = first["msg"].removeprefix("Input should be ").removeprefix("Value should be ")
        raise self.mistake(
            f"{dotted} is not accepted: {first['input']!r}", path, accepted=accepted, value=first["input"]
        )

    def _unknown_key(self, path: Sequence[str | int], model: type[BaseModel]) -> CatalogueError:
        for part in path[1:-1]:
            annotation = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
            nested = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
            model = next((kind for kind in nested if issubclass(kind, BaseModel)), model)
        known = tuple(key for key in model.model_fields if key != self.identity or model is not self.model)
        key = str(path[-1])
        problem = f"unknown key {key!r} in {self._dotted(path[:-1])}{suggestion(key, known)}"
        return self.mistake(problem, path, accepted=", ".join(known), value=key)
