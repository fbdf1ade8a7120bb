"""Runs kubesum as `python -m kubesum`."""

from kubesum.cli import main

raise SystemExit(main())
