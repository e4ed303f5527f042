"""Tables that the checks read: shapes, phrases and look-alikes, each with the reason for its entries."""
