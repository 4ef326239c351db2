"""The third-integer resonance: fixed points, arms, leading order, Hardt condition, Steinbach diagram."""
