"""The site: documents and examples as they are, and pages that are made of the code, put together for Sphinx."""
