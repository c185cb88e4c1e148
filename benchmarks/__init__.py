"""What the program costs and how fast it is, measured side by side with yardsticks: `python -m benchmarks`."""
