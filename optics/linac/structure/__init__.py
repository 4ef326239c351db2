"""What a linac is made of: cells, tanks, quadrupoles, their design pass and their errors."""
