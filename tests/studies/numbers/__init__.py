"""Numbers that reports show: quantities and columns of tables by hand, closed forms and exact laws."""
