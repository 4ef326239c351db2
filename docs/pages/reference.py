"""The reference: what the packages give to scripts, from their docstrings."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from inspect import isclass

#: Faces of packages and modules, and what is said of them.
_PAGES: dict[str, tuple[str, ...]] = {
    "lattice": ("lattice",),
    "optics": ("optics",),
    "extraction": ("extraction",),
    "linacs": (
        *("optics.linac", "optics.linac.switching.energies", "optics.linac.switching.settings"),
        *("optics.linac.switching.all_energies", "optics.linac.field_integration", "machines.linacs.machine"),
    ),
    "further": (
        *("machines.registry", "machines.requirements", "machines.cnao_like", "machines.rings.reader"),
        *("optics.aperture", "optics.beams.dose_files", "optics.testing"),
        "extraction.junction",
        *("optics.imperfections.errors", "optics.imperfections.ensemble", "optics.imperfections.orbit"),
        *("optics.line.gantry", "optics.line.modules", "optics.line.settings", "optics.line.steering"),
        *("optics.ramping.energy_table", "optics.matter.ranges", "optics.matter.bragg", "optics.matter.scattering"),
        *("optics.matter.layers", "studies.treatment.timeline", "studies.registry", "studies.runs.store"),
        *("studies.search.hook", "studies.report.picture", "studies.charts.steinbach", "studies.charts.curves"),
        "studies.sources",
    ),
}


#: Of these modules what is not on another page under a shorter name.
_ONLY = {"studies.runs.store": ["read_run"]}
_TITLES = {"linacs": "Linacs", "further": "Further modules"}


def reference_pages() -> Iterator[tuple[str, str]]:
    """A page a package, and one for what lies deeper."""
    for name, modules in _PAGES.items():
        parts = [f"# {_TITLES.get(name, name)}", *(_module(module) for module in modules)]
        yield f"reference/{name}.md", "\n\n".join(parts) + "\n"


def _module(name: str) -> str:
    module = import_module(name)
    members = {member: getattr(module, member) for member in public_names(name)}
    entries = [_entry(f"{name}.{member}", value) for member, value in members.items() if callable(value)]
    return f"## {name}\n\n```{{eval-rst}}\n.. module:: {name}\n\n" + "\n".join(entries) + "\n```"


def public_names(name: str) -> list[str]:
    """What a module names in ``__all__``, else the functions and classes that it makes itself."""
    if name in _ONLY:
        return _ONLY[name]
    module = import_module(name)
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    made = {key: value for key, value in vars(module).items() if getattr(value, "__module__", None) == name}
    return sorted(key for key, value in made.items() if callable(value) and not key.startswith("_"))


def _entry(path: str, value: object) -> str:
    return f".. autoclass:: {path}\n   :members:\n" if isclass(value) else f".. autofunction:: {path}\n"
