"""The client of the API server: connection, list and watch, decoding; the only importer of kubernetes_asyncio."""
