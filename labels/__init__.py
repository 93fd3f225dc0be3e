"""Pairs, judges, the audit, labels, agreement, calibration and exports."""
