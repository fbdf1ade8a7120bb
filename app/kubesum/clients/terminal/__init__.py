"""The views of `kubesum top` on a terminal: drawn by Textual, or printed once as plain text.

Only canvas, dashboard and palette import Textual and Rich; the other modules make lines of text with roles.
"""
