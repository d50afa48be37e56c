"""The one way in which fields of other projects' objects are read and written.

A field that is gone would otherwise be taken for a setting that is not there: two different windows would
compare equal, and inexact passes as exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ...unsampling import UnsamplingError


@dataclass(frozen=True)
class Project:
    """A foreign project, and the version of it that its fields were read at.

    optional: whether hosts do without it that have all that this pack needs, those of most tests among them.
    """

    name: str
    version: str
    optional: bool = False


@dataclass(frozen=True)
class Key:
    """A name under which a project leaves something, and the module that has it: a key of a dict, a function.

    optional: whether some supported versions lack it.
    """

    project: Project
    module: str
    name: str
    optional: bool = False

    def function(self, module: ModuleType) -> Callable:
        """The function of that name. Raises: UnsamplingError where the module has none."""
        found = getattr(module, self.name, None)
        if found is None:
            name, version = self.project.name, self.project.version
            raise UnsamplingError(
                f"{name} has no {self.name} any more, which this pack calls as of {name} {version}; update"
                f" this pack, or install {name} {version}"
            )
        return found


@dataclass(frozen=True)
class Kind:
    """A kind of object of another project, and what we rely on of it.

    where: "module:Class" inside the project, for the contract test in tests/host/test_host_fields.py.
    fields: attributes and methods that must be there. own: those that must be there on objects of that class,
    and that what others put in its place may lack. optional: those that some supported versions lack.
    """

    project: Project
    where: str
    fields: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The class's name."""
        return self.where.split(":")[1]

    def made(self, thing: Any) -> bool:
        """Whether the object is of that class, known by its name."""
        return any(base.__name__ == self.kind for base in type(thing).__mro__)

    def has(self, thing: Any, field: str) -> bool:
        """Whether the object has that field, of whatever class it is."""
        return hasattr(thing, field)

    def others(self, thing: Any) -> set[str]:
        """The names of what is set on the object and not declared."""
        return {name for name, value in vars(thing).items() if value is not None} - set(self.fields)

    def read(self, thing: Any, field: str) -> Any:
        """The field's value; None for one that is not there and need not be.

        Raises: UnsamplingError naming project, version and field where one that must be there is missing.
        """
        if field in self.optional or (field in self.own and not self.made(thing)):
            return getattr(thing, field, None)
        self._require(thing, field)
        return getattr(thing, field)

    def write(self, thing: Any, field: str, value: Any) -> None:
        """Sets the field. Raises: UnsamplingError where it is missing: nobody would read what is set."""
        self._require(thing, field)
        setattr(thing, field, value)

    def values(self, thing: Any) -> dict[str, Any]:
        """All fields. Raises: UnsamplingError where one that must be there is missing."""
        return {field: self.read(thing, field) for field in (*self.fields, *self.own, *self.optional)}

    def refuse(self, what: str) -> UnsamplingError:
        """The refusal of something of that kind which this pack does not know."""
        name, version = self.project.name, self.project.version
        return UnsamplingError(
            f"{name} has {what} that this pack does not know: it reads {name} {version}; update this pack,"
            f" or install {name} {version}"
        )

    def _require(self, thing: Any, field: str) -> None:
        if field not in (*self.fields, *self.own):
            raise KeyError(f"{field} is not declared for {self.where}")
        if hasattr(thing, field):
            return
        name, version, there = self.project.name, self.project.version, type(thing)
        if self.made(thing):
            raise UnsamplingError(
                f"{name} has no {field} in its {self.kind} any more, which this pack reads as of {name}"
                f" {version}; update this pack, or install {name} {version}"
            )
        raise UnsamplingError(
            f"{there.__module__}.{there.__qualname__} stands where {name} {version} has its {self.kind}, but"
            f" has no {field}, which this pack reads; disconnect it, or install {name} {version}"
        )
