"""Small wrong changes of the code, and whether the tests notice: ``python -m tests.mutants`` (``make mutants``)."""
