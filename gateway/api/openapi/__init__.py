"""The OpenAPI document: drawn from the handlers' own signatures, docstrings and structs, so that it cannot say less than they do.

Litestar's generator is not used: it knows neither the bare ASGI routes of inference, nor our errors, nor what the structs'
docstrings say.  The structs' schemas are msgspec's, which is what decodes and encodes them.
"""
