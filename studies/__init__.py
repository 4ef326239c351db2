"""Questions asked of machines, their results on disk, reports and the command line."""
