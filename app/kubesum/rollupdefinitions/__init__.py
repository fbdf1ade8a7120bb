"""RollupDefinition: custom resources that make computed kinds at run time.

`spec` is the custom resource, `validation` says what is wrong with one, `compiling` makes a ComputedResource of it,
`acceptance` decides which of several definitions are served. No cluster is read here.
"""
