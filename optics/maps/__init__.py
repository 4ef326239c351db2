"""How each element moves a particle: one map an element, its series, one turn."""
