"""`make test-vllm`: what users run on GPUs, here on a CPU.  Opt-in: it installs 2.5 GB in a venv of its own."""
