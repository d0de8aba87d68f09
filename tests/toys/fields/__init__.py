"""Images of coarse random fields, as long as the core has no source of them."""
