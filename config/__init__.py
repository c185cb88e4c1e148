"""What may differ between places: settings, broker, schedule, logs. No behaviour."""
