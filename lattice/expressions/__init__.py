"""Safe arithmetic of named parameters: what may be written, what it computes, when two are one."""
