"""Machine definitions: geometry, ratings, requirements and their sources.

Rings are functions of ``machines.cnao_like``; a machine by name, with all that is known of it, comes from
``machines.registry``: ``ring_named``, ``linac_named``, ``line_named``, and ``MACHINES`` has the names.

>>> from machines.cnao_like import cnao
>>> from machines.registry import MACHINES, ring_named
>>> print(round(cnao().length, 3), ring_named("pimms").lattice().particle.species)
77.648 proton
>>> print(", ".join(MACHINES))
cnao, pimms, medaustron, linac, cnao-room3, cnao-gantry, cnao-gantry-plain, linac-room
"""
