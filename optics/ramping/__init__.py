"""What ramps with the energy: RF, magnets and their supplies, strengths over an energy table."""
