"""The parts of bench/mirror.py: servers, load, figures, report."""
