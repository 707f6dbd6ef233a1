"""Nets that several families use."""
