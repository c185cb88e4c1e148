"""bokun-sync: Bokun bookings become Space Invoices documents, the right one, at the right moment, exactly once."""
