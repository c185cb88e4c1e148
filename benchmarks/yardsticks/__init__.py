"""What the figures are compared with, measured in the same run on the same machine."""
