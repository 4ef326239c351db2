"""The spill, particle by particle: two trackers, and what they tell of rate, losses and beam."""
