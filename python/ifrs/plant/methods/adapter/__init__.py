"""IF-adapter: rows to publish, and a low-rank map to keep."""
