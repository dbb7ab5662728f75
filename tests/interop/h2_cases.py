"""The table of RFC 9113 cases: each is a function on a fresh connection, filed under the section that it tests."""

from dataclasses import dataclass

CASES = []


@dataclass(frozen=True)
class Case:
    section: str
    name: str
    run: object
    opens: bool      # preface and SETTINGS are exchanged before `run`

    @property
    def id(self):
        return f"{self.section}/{self.name}"


def case(section, opens=True):
    """Registers a function `(connection)`; its name, with dashes, is the case's name."""
    def register(function):
        CASES.append(Case(section, function.__name__.replace("_", "-"), function, opens))
        return function
    return register


def add(section, name, run, opens=True):
    CASES.append(Case(section, name, run, opens))
