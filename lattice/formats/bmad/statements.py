"""Statements of Bmad that define no element: which are passed over, and which cannot be honoured."""

from __future__ import annotations

from lattice.madx.syntax import words

#: Passed over and listed in the warnings: they show, check or describe, and leave the lattice alone.
PASSED_OVER = words(
    "calc_reference_orbit combine_consecutive_elements debug_marker expand_lattice merge_elements no_digested"
    " no_superimpose parser_debug print title write_digested"
)
#: They would change the lattice: what to do instead.
REFUSED = {
    "remove_elements": "take the elements out of the line",
    "slice_lattice": "write the line that is wanted",
    "start_branch_at": "write the line from the element at which it begins",
    "superimpose": "let Bmad write the lattice (Tao: write bmad) with its elements split, or write the pieces",
    "setenv": "write the names of files out",
    "use_local_lat_file": "put the files beside the main one",
}
#: Elements that act on others.
CONTROLLERS = {
    "overlay": "sets attributes of other elements: write the values into them",
    "ramper": "changes attributes of other elements in time: take it out",
    "group": "changes attributes of other elements: write the values into them, or leave its variables at 0",
    "girder": "moves other elements: leave its offsets at 0",
}
#: Sets of attributes that belong to no element: those that say how Bmad computes.
SETTINGS = words("bmad_com ptc_com space_charge_com particle_start beam_start beam_init global")
