"""The rows of the table, a module for each part of the program."""
