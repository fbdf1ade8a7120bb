"""RollupDefinition: custom resources that make computed kinds at run time.

`definition` is the custom resource, with its `spec` and `status`. `validation` finds what is wrong with one,
`compiling` makes a ComputedResource of it, `acceptance` decides which of several definitions are served. No cluster
is read here.
"""
