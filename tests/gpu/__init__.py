"""`make test-gpu`: a tiny Magistral on a CUDA GPU behind the gateway.  Opt-in: it wants PyTorch and a card."""
