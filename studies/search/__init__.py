"""Which machines are best? Designs that no other beats in all objectives, found among very many."""
