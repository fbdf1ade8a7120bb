"""The model of `kubesum top`: informers, tables and the browser, without a user interface toolkit.

A view draws what the browser holds, and calls its methods for what the user does. `kubesum dashboard`
takes from it which views there are, and reads and draws by itself.
"""
