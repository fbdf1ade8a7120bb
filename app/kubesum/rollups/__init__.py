"""The computation: changes are folded into groups, groups become rows, rows are published."""
