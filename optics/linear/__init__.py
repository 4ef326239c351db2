"""Linear optics: periodic and given-start Twiss functions, coupled and chromatic, and their extremes."""
