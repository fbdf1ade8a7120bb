"""The checks of the doctor, one module for each thing that can be broken."""
