"""The one way in which fields of other projects' objects are read and written.

A field that is gone would otherwise be taken for a setting that is not there: two different windows would
compare equal, and inexact passes as exact.
"""

from dataclasses import dataclass
from typing import Any

from ...unsampling import UnsamplingError


@dataclass(frozen=True)
class Project:
    """A foreign project, and the version of it that its fields were read at."""

    name: str
    version: str


@dataclass(frozen=True)
class Key:
    """A name under which a project leaves something in a dict of ComfyUI's, and the module that writes it."""

    project: Project
    module: str
    name: str


@dataclass(frozen=True)
class Kind:
    """A kind of object of another project, and what we rely on of it.

    where: "module:Class" inside the project, for the contract test in tests/host/test_host_fields.py.
    fields: attributes and methods that must be there. optional: those that some supported versions lack.
    """

    project: Project
    where: str
    fields: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The class's name."""
        return self.where.split(":")[1]

    def read(self, thing: Any, field: str) -> Any:
        """The field's value; None for an optional one that is not there.

        Raises: UnsamplingError naming project, version and field where one that must be there is missing.
        """
        if field in self.optional:
            return getattr(thing, field, None)
        self._require(thing, field)
        return getattr(thing, field)

    def write(self, thing: Any, field: str, value: Any) -> None:
        """Sets the field. Raises: UnsamplingError where it is missing: nobody would read what is set."""
        self._require(thing, field)
        setattr(thing, field, value)

    def values(self, thing: Any) -> dict[str, Any]:
        """All fields, optional ones among them. Raises: UnsamplingError where one is missing."""
        return {field: self.read(thing, field) for field in (*self.fields, *self.optional)}

    def _require(self, thing: Any, field: str) -> None:
        if field not in self.fields:
            raise KeyError(f"{field} is not declared for {self.where}")
        if not hasattr(thing, field):
            name, version = self.project.name, self.project.version
            raise UnsamplingError(
                f"{name} has no {field} in its {self.kind} any more, which this pack reads as of {name}"
                f" {version}; update this pack, or install {name} {version}"
            )
